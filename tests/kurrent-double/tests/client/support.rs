//! What all tests do with a client: events, appends, reads to the end, and waiting for what a subscription says.

use std::time::Duration;

use kurrent_double::Double;
use kurrentdb::{
    AppendToStreamOptions, Client, Error, EventData, ReadAllOptions, ReadStream, ReadStreamOptions,
    ResolvedEvent, StreamState, Subscription, SubscriptionEvent, WriteResult,
};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn client(double: &Double) -> Client {
    client_at(&double.url())
}

pub(crate) fn client_at(url: &str) -> Client {
    Client::new(url.parse().expect("a URL that the client reads")).expect("a client")
}

/// An event whose id is made from this number.
pub(crate) fn event(number: u128) -> EventData {
    EventData::binary("happened", number.to_string().into_bytes().into()).id(Uuid::from_u128(number))
}

pub(crate) fn events(numbers: impl IntoIterator<Item = u128>) -> Vec<EventData> {
    numbers.into_iter().map(event).collect()
}

pub(crate) fn expecting(revision: StreamState) -> AppendToStreamOptions {
    AppendToStreamOptions::default().stream_state(revision)
}

pub(crate) async fn append(
    client: &Client,
    stream: &str,
    expected: StreamState,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<WriteResult, Error> {
    client.append_to_stream(stream, &expecting(expected), events(numbers)).await
}

/// The numbers that the events of a stream were made from.
pub(crate) async fn stream(client: &Client, name: &str) -> Result<Vec<u128>, Error> {
    numbers(client.read_stream(name, &ReadStreamOptions::default()).await?).await
}

/// The same of `$all`, without what the server itself wrote.
pub(crate) async fn all(client: &Client) -> Result<Vec<u128>, Error> {
    numbers(client.read_all(&ReadAllOptions::default()).await?).await
}

pub(crate) async fn numbers(read: ReadStream) -> Result<Vec<u128>, Error> {
    Ok(to_the_end(read).await?.iter().filter_map(number).collect())
}

pub(crate) fn number(event: &ResolvedEvent) -> Option<u128> {
    let event = event.get_original_event();
    (event.event_type == "happened").then(|| event.id.as_u128())
}

pub(crate) async fn to_the_end(mut read: ReadStream) -> Result<Vec<ResolvedEvent>, Error> {
    let mut events = Vec::new();
    while let Some(event) = read.next().await? {
        events.push(event);
    }
    Ok(events)
}

/// Does it again, a few times, as a client does not see at once that its connection was cut.
pub(crate) async fn at_last<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    for _ in 0..10 {
        if let Ok(done) = attempt().await {
            return done;
        }
    }
    attempt().await.expect("the client comes again")
}

/// What a subscription says until it says this, that included.
pub(crate) async fn until(
    subscription: &mut Subscription,
    mut is_last: impl FnMut(&SubscriptionEvent) -> bool,
) -> Vec<SubscriptionEvent> {
    let mut said = Vec::new();
    loop {
        let next = tokio::time::timeout(DEADLINE, subscription.next_subscription_event()).await;
        let next = next.unwrap_or_else(|_| panic!("waited in vain, after {said:?}")).expect("it goes on");
        let is_enough = is_last(&next);
        said.push(next);
        if is_enough {
            return said;
        }
    }
}

pub(crate) fn is_caught_up(said: &SubscriptionEvent) -> bool {
    matches!(said, SubscriptionEvent::CaughtUp(_))
}

/// The numbers of the events among what a subscription said.
pub(crate) fn appeared(said: &[SubscriptionEvent]) -> Vec<u128> {
    let events = said.iter().filter_map(|said| match said {
        SubscriptionEvent::EventAppeared(event) => number(event),
        _ => None,
    });
    events.collect()
}
