//! How long after its answer a command comes to a subscriber, at 500 commands a second.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::jetstream::{Context, consumer::DeliverPolicy};
use serde::Deserialize;
use store::Position;
use tokio::time::{Instant, sleep, timeout};

use super::BUS;
use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    figures::{Latencies, Line, Unit},
    load::{self, Load, Noted, Plan, clients, forgotten, noted},
    nats::{Nats, Subscriber},
    rounds::{ROUNDS, cores},
    seed::{Seeded, at_the_head},
};

const USERS: u32 = 1000;
/// 250 of each kind a second: 25 clients, each every 100 ms.
const CLIENTS: u32 = 25;
const EVERY: Duration = Duration::from_millis(100);
const SPAN: Duration = Duration::from_secs(4);
/// How soon the subscriber sees that it is over.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn lag() -> Outcome<Vec<Line>> {
    let (mut seeded, nats) = (Seeded::on(Engine::Postgres, USERS).await?, Nats::start().await?);
    seeded.home.set(BUS, &nats.url);
    let relay = seeded.home.serve_as("relay", "relay").await?;
    let _work = seeded.home.serve_as("work", "projector,mailer,revoker").await?;
    let server = seeded.home.serve_as("api", "api").await?;
    at_the_head(&relay, &["relay", "revoker"]).await?;
    let (mut middle, mut worst, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let (first, second) = (1..=USERS / 2, USERS / 2 + 1..=USERS);
    let mut refreshers = noted(clients::refreshers(&seeded, CLIENTS, first)?);
    let mut renamers = noted(clients::renamers(&seeded, CLIENTS, second)?);
    for _ in 0..ROUNDS {
        let over = Arc::new(AtomicBool::new(false));
        let (context, until) = (nats.context(), Arc::clone(&over));
        let watch = load::on_its_own_thread(move || async move { Ok(watch(&context, &until).await?) });
        let load = async {
            let plan = Plan::open(&server, EVERY, SPAN);
            let loads = tokio::try_join!(load::run(plan, refreshers), load::run(plan, renamers));
            // The last events still have to arrive.
            sleep(Duration::from_secs(1)).await;
            over.store(true, Relaxed);
            loads
        };
        let (seen, (refreshed, renamed)) = tokio::try_join!(watch, load)?;
        let mut lags = lags(&seen, &refreshed)?;
        lags.extend(self::lags(&seen, &renamed)?);
        let lags = Latencies::new(lags);
        middle.push(lags.percentile(50));
        worst.push(lags.percentile(99));
        shares.push(refreshed.shares);
        (refreshers, renamers) = (forgotten(refreshed.clients), forgotten(renamed.clients));
    }
    let rate = f64::from(CLIENTS) / EVERY.as_secs_f64();
    let detail = format!("{rate:.0} refreshes and {rate:.0} changes of names a second; {}", cores(&shares));
    Ok(vec![
        Line::new("from the answer to a subscriber, p99", Unit::Milliseconds, &worst)
            .at_most(50.0)
            .detail(detail),
        Line::new("from the answer to a subscriber, p50", Unit::Milliseconds, &middle),
    ])
}

/// When each event came.
type Seen = HashMap<Position, Instant>;

#[derive(Deserialize)]
struct Event {
    position: String,
}

/// Notes when events come, from now on.
async fn watch(context: &Context, over: &AtomicBool) -> Result<Seen, async_nats::Error> {
    let mut subscriber = Subscriber::of(context, DeliverPolicy::New).await?;
    let mut seen = Seen::new();
    while !over.load(Relaxed) {
        let Ok(message) = timeout(LOOK, subscriber.next()).await else { continue };
        let (message, at) = (message?, Instant::now());
        let event: Event = serde_json::from_slice(&message.payload)?;
        let number = event.position.rsplit_once('-').ok_or("an event has no position")?.1;
        seen.insert(Position(number.parse()?), at);
    }
    Ok(seen)
}

/// From each answer to the moment at which its event came, which may be the earlier one.
fn lags<C>(seen: &Seen, load: &Load<Noted<C>>) -> Outcome<Vec<Duration>> {
    let answers = load.clients.iter().flat_map(|noted| &noted.answers);
    answers
        .map(|(answered, position)| {
            let came = seen.get(position).ok_or(Failed::Late("a command comes to the subscriber"))?;
            Ok(came.saturating_duration_since(*answered))
        })
        .collect()
}
