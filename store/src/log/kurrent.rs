//! The log on KurrentDB: a stream of its own for each of ours, and one append after the other, as KurrentDB has no transaction over
//! several. Everything is asked of the leader, so that a read sees all that was acknowledged.

mod envelope;
mod feed;
mod guard;
mod name;
mod ours;
mod place;
mod rows;
mod server;
mod step;
mod tails;
#[cfg(test)]
mod tests;
mod url;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use eventstore::{EventData, ReadStreamOptions, StreamPosition, StreamState};
use tokio::sync::watch;

use super::{
    LogHead, Position, Recorded, StoreError, StreamId, Write, batch::announce, one_by_one::StreamLog,
    unavailable,
};
use crate::{Cause, clock, random};
pub use guard::{Guard, Guarded};
use name::Name;
use ours::{Foreign, Ours};
pub use rows::KurrentLogRows;
use server::{Failure, Patience, Server, Wanted};
pub use step::Step;
use tails::{KNOWN, Tail, Tails};
pub use url::{Url, UrlError};

/// The event log in streams of a KurrentDB.
pub struct KurrentLog {
    ours: Arc<Ours>,
    tails: Tails,
    grow: watch::Sender<Position>,
    grown: watch::Receiver<Position>,
    log_id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the client of {log} can't be made; are its certificates there?")]
    Client {
        log: String,
        #[source]
        source: Cause,
    },
    #[error(
        "{log} denies access to {user}; if the password is right, an administrator has to allow reading $all, by a list that takes the place of the one it has: {step}"
    )]
    Denied { log: String, user: String, step: Box<Step> },
    #[error("{log} lets {user} read, but not append; `stele migrate` says what an administrator has to do")]
    KeptOut { log: String, user: String },
    #[error("{log} can't be reached; is a KurrentDB there, with TLS unless the URL says tls=false?")]
    Unreachable {
        log: String,
        #[source]
        source: StoreError,
    },
    #[error("{log} is a copy that was begun and not finished; finish it by the same `stele log copy` again")]
    HalfCopied { log: String },
}

/// What the log has of events that someone wants to append.
enum Settled {
    /// All of them are in their stream, and the last of them stands here.
    Written(Position),
    /// Nothing came to the stream since it was as is expected.
    Open,
    Conflict,
}

impl KurrentLog {
    /// Opens the log, or gives it a name where there is none.
    pub async fn open(url: &Url) -> Result<Self, OpenError> {
        let server = connect(url)?;
        let unreachable = |source| unopened(url, source);
        let name = name::find_or_give(&server).await.map_err(unreachable)?;
        let places = name.places(&server).await.map_err(unreachable)?;
        let Name { log_id, half_copied, .. } = name;
        if half_copied {
            return Err(OpenError::HalfCopied { log: url.to_string() });
        }
        let ours = Arc::new(Ours { server, places });
        let head = ours.head().await.map_err(unreachable)?;
        let (grow, grown) = watch::channel(head);
        feed::follow(Arc::clone(&ours), grow.clone())
            .map_err(|source| OpenError::Client { log: url.to_string(), source: source.into() })?;
        Ok(Self { ours, tails: Tails::new(), grow, grown, log_id })
    }

    /// The head of a log that is there; none where there is no log yet. Changes nothing.
    pub async fn look(url: &Url) -> Result<Option<LogHead>, OpenError> {
        let server = connect(url)?;
        let look = async {
            let Some((name, _)) = name::find(&server).await? else { return Ok(None) };
            let places = name.places(&server).await?;
            let position = Ours { server, places }.head().await?;
            Ok(Some(LogHead { log_id: name.log_id, position, half_copied: name.half_copied }))
        };
        look.await.map_err(|source| unopened(url, source))
    }

    /// The end of a stream at the version that an append expects, if it is there.
    async fn tail(&self, write: &Write) -> Result<Option<Tail>, StoreError> {
        if let Some(tail) = self.tails.at(&write.stream, write.expected) {
            return Ok(Some(tail));
        }
        self.read_last(&write.stream, KNOWN).await?;
        Ok(self.tails.at(&write.stream, write.expected))
    }

    /// Looks for the events of a write of which nobody knows whether they were written.
    async fn settle(&self, write: &Write, patience: &mut Patience) -> Result<Settled, StoreError> {
        let after = write.expected.saturating_sub(KNOWN.into());
        let found = self.read_after(&write.stream, after, patience).await?;
        let place =
            |id| found.iter().find(|recorded| recorded.event.id == id).map(|recorded| recorded.position);
        let places: Option<Vec<Position>> = write.events.iter().map(|event| place(event.id)).collect();
        let version = found.last().map_or(after, |last| last.version);
        Ok(match places.map(|places| places.into_iter().max()) {
            Some(Some(last)) => Settled::Written(last),
            _ if version == write.expected => Settled::Open,
            _ => Settled::Conflict,
        })
    }

    /// The outcome of a write that the server refused, or that would write an event twice.
    async fn refused(&self, write: &Write, patience: &mut Patience) -> Result<Position, StoreError> {
        match self.settle(write, patience).await? {
            Settled::Written(position) => Ok(position),
            Settled::Open | Settled::Conflict => Err(conflict(write)),
        }
    }

    /// Sends events until it is known what became of them.
    async fn send(&self, write: &Write, events: Vec<EventData>) -> Result<Position, StoreError> {
        let (stream, mut patience) = (stream_name(self.ours.server.url(), &write.stream), Patience::new());
        loop {
            let (cause, is_unsure) = match self
                .ours
                .server
                .append(&stream, state(write.expected), events.clone(), &patience)
                .await
            {
                Ok(place) => match self.ours.places.position(place) {
                    Some(position) if place.commit > 0 => return Ok(position),
                    // It was written before, and the server says no more.
                    _ => return self.refused(write, &mut patience).await,
                },
                Err(Failure::Version | Failure::NotFound) => return self.refused(write, &mut patience).await,
                Err(Failure::Refused(source)) => return Err(refusal(&write.stream, source)),
                Err(Failure::Before(cause)) => (cause, false),
                Err(Failure::Unsure(cause)) => (cause, true),
            };
            patience.wait(cause).await?;
            // What was sent may still be under way. Under the same ids it is written once, if it comes again.
            if is_unsure {
                match self.settle(write, &mut patience).await? {
                    Settled::Written(position) => return Ok(position),
                    Settled::Conflict => return Err(conflict(write)),
                    Settled::Open => {}
                }
            }
        }
    }

    async fn read(
        &self,
        stream: &StreamId,
        options: ReadStreamOptions,
        patience: &mut Patience,
    ) -> Result<Vec<Recorded>, StoreError> {
        let name = stream_name(self.ours.server.url(), stream);
        let read = self.ours.read(patience, &Wanted::Stream(&name, options), Foreign::Refused).await;
        read.map_err(|error| match error {
            StoreError::Unavailable(source) if server::is_deleted(&source) => {
                StoreError::Corrupt { stream: stream.clone(), version: 1, source }
            }
            error => error,
        })
    }

    async fn read_after(
        &self,
        stream: &StreamId,
        after: u64,
        patience: &mut Patience,
    ) -> Result<Vec<Recorded>, StoreError> {
        let options = ReadStreamOptions::default().position(StreamPosition::Position(after));
        let events = self.read(stream, options, patience).await?;
        follow_each_other(after, &events)?;
        self.tails.learn(stream, &events);
        Ok(events)
    }
}

#[async_trait]
impl StreamLog for KurrentLog {
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError> {
        let ids: HashSet<_> = write.events.iter().map(|event| event.id).collect();
        let tail = self.tail(&write).await?.filter(|tail| !ids.iter().any(|id| tail.knows(*id)));
        let Some(tail) = tail.filter(|_| ids.len() == write.events.len() && !ids.is_empty()) else {
            return self.refused(&write, &mut Patience::new()).await;
        };
        let at = clock::now().max(tail.recorded_at);
        let events = write.events.iter().map(|event| envelope::written(event, at));
        let events = events.collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|error| refusal(&write.stream, error.into()))?;
        let position = self.send(&write, events).await?;
        self.tails.keep(&write.stream, tail.with(at, write.events.iter().map(|event| event.id)));
        announce(&self.grow, position);
        Ok(position)
    }

    /// Appends to a stream beside the log.
    async fn append_nothing(&self) -> Result<Position, StoreError> {
        let stream = nothing(self.ours.server.url());
        let event = EventData::binary("nothing", Vec::new().into()).id(random::id());
        let mut patience = Patience::new();
        loop {
            match self.ours.server.append(&stream, StreamState::Any, vec![event.clone()], &patience).await {
                Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
                Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
                Ok(_) | Err(Failure::Version | Failure::NotFound) => return self.head().await,
            }
        }
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.read_after(stream, after, &mut Patience::new()).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        let options = ReadStreamOptions::default().position(StreamPosition::End).max_count(size(count));
        let mut events = self.read(stream, options, &mut Patience::new()).await?;
        events.reverse();
        self.tails.learn(stream, &events);
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.ours.read_all(&[], (after, limit), Foreign::Marked).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        self.ours.read_all(kinds, (after, limit), Foreign::Marked).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.ours.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.grown.clone()
    }

    fn log_id(&self) -> &str {
        &self.log_id
    }

    async fn next_in_sequence(&self, _name: &str) -> Result<Option<i64>, StoreError> {
        Ok(None)
    }
}

fn connect(url: &Url) -> Result<Server, OpenError> {
    Server::new(url).map_err(|source| OpenError::Client { log: url.to_string(), source })
}

fn unopened(url: &Url, source: StoreError) -> OpenError {
    let log = url.to_string();
    let user = url.user().unwrap_or("a client without a name").to_owned();
    match source {
        StoreError::Unavailable(cause) if cause.is::<name::Unnamed>() => OpenError::KeptOut { log, user },
        denied if server::is_denied(&denied) => {
            OpenError::Denied { log, user, step: Box::new(Step::to_read_all(url)) }
        }
        source => OpenError::Unreachable { log, source },
    }
}

/// Beside the log: a stream of which nobody wants to know anything.
fn nothing(url: &Url) -> String {
    format!("{}.nothing", url.prefix())
}

/// A stream that holds so many events.
fn state(version: u64) -> StreamState {
    version.checked_sub(1).map_or(StreamState::NoStream, StreamState::StreamRevision)
}

fn stream_name(url: &Url, stream: &StreamId) -> String {
    format!("{}-{stream}", url.prefix())
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Nothing of a stream was taken away by a limit to what the server keeps of it.
fn follow_each_other(after: u64, events: &[Recorded]) -> Result<(), StoreError> {
    let gap = (after + 1..).zip(events).find(|(version, event)| event.version != *version);
    let Some((version, event)) = gap else { return Ok(()) };
    let source = "the server does not hold it any more; was the stream given a limit, or deleted?".into();
    Err(StoreError::Corrupt { stream: event.stream.clone(), version, source })
}

fn conflict(write: &Write) -> StoreError {
    StoreError::Conflict { stream: write.stream.clone() }
}

/// Why an event was not taken: because of what it is, or because nobody's would be.
fn refusal(stream: &StreamId, source: Cause) -> StoreError {
    if server::is_of_all(&source) {
        return unavailable(source);
    }
    StoreError::Unwritable { stream: stream.clone(), source }
}
