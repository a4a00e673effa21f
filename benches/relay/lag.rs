//! How long after its answer a command comes to a subscriber.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use async_nats::jetstream::{Context, consumer::DeliverPolicy};
use serde::Deserialize;
use store::Position;
use tokio::time::{Instant, timeout};

use super::BUS;
use crate::{
    engine::Engine,
    failed::Outcome,
    figures::Line,
    lag::{self, Command},
    load,
    nats::{Nats, Subscriber},
    seed::{Seeded, at_the_head},
};

const USERS: u32 = 1000;
/// How soon the subscriber sees that it is over.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn lag() -> Outcome<Vec<Line>> {
    let (mut seeded, nats) = (Seeded::on(Engine::Postgres, USERS).await?, Nats::start().await?);
    seeded.home.set(BUS, &nats.url);
    let relay = seeded.home.serve_as("relay", "relay").await?;
    let _work = seeded.home.serve_as("work", "projector,mailer,revoker").await?;
    let server = seeded.home.serve_as("api", "api").await?;
    at_the_head(&relay, &["relay", "revoker"]).await?;
    let (worst, middle) = lag::lags("a subscriber", (&seeded, USERS), &server, async |over| {
        let context = nats.context();
        load::on_its_own_thread(move || async move { Ok(watch(&context, &over).await?) }).await
    })
    .await?;
    Ok(vec![worst.at_most(50.0), middle])
}

/// When each event came.
struct Seen(HashMap<Position, Instant>);

impl lag::Seen for Seen {
    fn seen(&self, _: Command, position: Position) -> Option<Instant> {
        self.0.get(&position).copied()
    }
}

#[derive(Deserialize)]
struct Event {
    position: String,
}

/// Notes when events come, from now on.
async fn watch(context: &Context, over: &AtomicBool) -> Result<Seen, async_nats::Error> {
    let mut subscriber = Subscriber::of(context, DeliverPolicy::New).await?;
    let mut seen = Seen(HashMap::new());
    while !over.load(Relaxed) {
        let Ok(message) = timeout(LOOK, subscriber.next()).await else { continue };
        let (message, at) = (message?, Instant::now());
        let event: Event = serde_json::from_slice(&message.payload)?;
        let number = event.position.rsplit_once('-').ok_or("an event has no position")?.1;
        seen.0.insert(Position(number.parse()?), at);
    }
    Ok(seen)
}
