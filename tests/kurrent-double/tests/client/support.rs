//! What all tests do with a client: events, appends, reads to the end, and waiting for what a subscription says. And what a rule is
//! tried on: the double, or a real server to which it is held.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;
use std::time::Duration;

use kurrent_double::Double;
use kurrentdb::{
    AppendToStreamOptions, Client, Error, EventData, ReadAllOptions, ReadStream, ReadStreamOptions,
    ResolvedEvent, StreamState, SubscribeToAllOptions, Subscription, SubscriptionEvent, SubscriptionFilter,
    WriteResult,
};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(30);

/// What a rule is tried on.
pub(crate) struct Server {
    url: String,
    _double: Option<Double>,
}

impl Server {
    pub(crate) async fn double() -> Self {
        let double = Double::start().await.unwrap();
        Self { url: double.url(), _double: Some(double) }
    }

    /// The one that `STELE_TEST_KURRENT` names, as someone who may read `$all`.
    pub(crate) fn real() -> Self {
        #[expect(clippy::disallowed_methods, reason = "as which server this run has is asked")]
        let url = std::env::var("STELE_TEST_KURRENT").expect("STELE_TEST_KURRENT names a server");
        Self { url, _double: None }
    }

    /// Whose streams are its own, as a server may hold those of others.
    pub(crate) fn client(&self) -> Streams {
        let number = RandomState::new().build_hasher().finish();
        Streams { prefix: format!("double{number:016x}-"), ..client_at(&self.url) }
    }
}

/// Makes a test of each rule for the double, and one for a real server.
macro_rules! on_both {
    ($($rule:ident),* $(,)?) => {
        mod on_the_kurrent_double {
            $(
                #[tokio::test]
                async fn $rule() {
                    super::$rule(crate::support::Server::double().await).await;
                }
            )*
        }
        mod on_a_real_kurrentdb {
            $(
                #[tokio::test]
                #[ignore = "STELE_TEST_KURRENT names no KurrentDB"]
                async fn $rule() {
                    super::$rule(crate::support::Server::real()).await;
                }
            )*
        }
    };
}
pub(crate) use on_both;

/// A client, and what the names of its streams begin with.
#[derive(Clone)]
pub(crate) struct Streams {
    client: Client,
    prefix: String,
}

impl Deref for Streams {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Streams {
    pub(crate) fn name(&self, stream: &str) -> String {
        format!("{}{stream}", self.prefix)
    }

    pub(crate) fn filter(&self) -> SubscriptionFilter {
        SubscriptionFilter::on_stream_name().add_prefix(&self.prefix)
    }

    /// Of `$all`, its own streams.
    pub(crate) fn read(&self) -> ReadAllOptions {
        ReadAllOptions::default().filter(self.filter())
    }

    pub(crate) fn subscribe(&self) -> SubscribeToAllOptions {
        SubscribeToAllOptions::default().filter(self.filter())
    }
}

pub(crate) fn client(double: &Double) -> Streams {
    client_at(&double.url())
}

pub(crate) fn client_at(url: &str) -> Streams {
    let settings = url.parse().expect("a URL that the client reads");
    Streams { client: Client::new(settings).expect("a client"), prefix: String::new() }
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
    client: &Streams,
    stream: &str,
    expected: StreamState,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<WriteResult, Error> {
    client.append_to_stream(client.name(stream), &expecting(expected), events(numbers)).await
}

/// The numbers that the events of a stream were made from.
pub(crate) async fn stream(client: &Streams, name: &str) -> Result<Vec<u128>, Error> {
    numbers(client.read_stream(client.name(name), &ReadStreamOptions::default()).await?).await
}

/// Comes back when nothing is shown of a stream any more.
pub(crate) async fn until_empty(client: &Streams, name: &str) {
    let empty = async {
        while !stream(client, name).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, empty).await.expect("the events grow old");
}

/// The same of `$all`, without what the server itself wrote.
pub(crate) async fn all(client: &Streams) -> Result<Vec<u128>, Error> {
    numbers(client.read_all(&client.read()).await?).await
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
