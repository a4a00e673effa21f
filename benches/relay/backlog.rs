//! A relay that is started with a long log behind it and a NATS that holds nothing, held against the same messages published by a
//! client that does nothing else.

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::{
    Context, Message,
    consumer::DeliverPolicy,
    context::PublishAckFuture,
    stream::{Config, StorageType},
};
use tokio::time::Instant;

use super::BUS;
use crate::{
    failed::Outcome,
    figures::{Line, grouped},
    load,
    nats::{Nats, Subscriber},
    rounds::{ROUNDS, Rounds},
    seed::Seeded,
};

/// As many registrations with a session, and refreshes of each session after them. Claims are told to nobody.
const USERS: u32 = 2_000;
const REFRESHES: u32 = 8;
const EVENTS: u32 = USERS * (2 + REFRESHES);
const PATIENCE: Duration = Duration::from_mins(5);

/// As many as the relay has under way.
const IN_FLIGHT: usize = 256;
/// Where messages go that are published for comparison.
const RAW: &str = "RAW";

pub(super) async fn backlog() -> Outcome<Vec<Line>> {
    let mut seeded = Seeded::unread(USERS, REFRESHES).await?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let nats = Nats::start().await?;
        // How far the relay came with the last one stands there.
        seeded.home.forget_views();
        seeded.home.set(BUS, &nats.url);
        let start = Instant::now();
        let relay = seeded.home.serve_as("relay", "relay").await?;
        nats.holds(EVENTS, PATIENCE).await?;
        let ours = f64::from(EVENTS) / start.elapsed().as_secs_f64();
        relay.stop()?;
        rounds.push(ours, limit(nats.context()).await?);
    }
    let line = rounds.line(
        &format!("relay, {} events of backlog", grouped(EVENTS)),
        &format!("the same messages by async-nats alone, {IN_FLIGHT} under way"),
    );
    Ok(vec![line.at_least(0.5)])
}

async fn limit(context: Context) -> Outcome<f64> {
    load::on_its_own_thread(move || async move { Ok(rate_of_publishing(&context).await?) }).await
}

/// Events a second, until the last one is acknowledged.
async fn rate_of_publishing(context: &Context) -> Result<f64, async_nats::Error> {
    let messages = published(context).await?;
    let subjects = vec![format!("{RAW}.>")];
    let storage = StorageType::File;
    context.create_stream(Config { name: RAW.to_owned(), subjects, storage, ..Config::default() }).await?;
    let mut flight: VecDeque<PublishAckFuture> = VecDeque::with_capacity(IN_FLIGHT);
    let start = Instant::now();
    for message in messages {
        if flight.len() >= IN_FLIGHT
            && let Some(first) = flight.pop_front()
        {
            first.await?;
        }
        let subject = format!("{RAW}.{}", message.subject);
        flight.push_back(context.publish(subject, message.payload.clone()).await?);
    }
    for sent in flight {
        sent.await?;
    }
    Ok(f64::from(EVENTS) / start.elapsed().as_secs_f64())
}

/// What the relay has published.
async fn published(context: &Context) -> Result<Vec<Message>, async_nats::Error> {
    let mut subscriber = Subscriber::of(context, DeliverPolicy::All).await?;
    let mut messages = Vec::new();
    for _ in 0..EVENTS {
        messages.push(subscriber.next().await?);
    }
    Ok(messages)
}
