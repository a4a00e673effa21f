//! The log on KurrentDB: a stream of its own for each of ours, and one append after the other, as KurrentDB has no transaction over
//! several. Everything is asked of the leader, so that a read sees all that was acknowledged.

mod envelope;
mod feed;
mod name;
mod place;
mod server;
mod tails;
#[cfg(test)]
mod tests;
mod url;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use kurrentdb::{
    EventData, ReadAllOptions, ReadStreamOptions, RecordedEvent, StreamPosition, StreamState,
    SubscriptionFilter,
};
use tokio::sync::watch;

use super::{
    LogHead, Position, Recorded, StoreError, StreamId, Write, batch::announce, one_by_one::StreamLog,
    unavailable,
};
use crate::{Cause, clock, random};
use name::Name;
use server::{Failure, Patience, Server, Wanted};
use tails::{KNOWN, Tail, Tails};
pub use url::{Url, UrlError};

/// The event log in streams of a KurrentDB.
pub struct KurrentLog {
    server: Arc<Server>,
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
    #[error("{log} can't be reached")]
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
        let server = Arc::new(connect(url)?);
        let unreachable = |source| OpenError::Unreachable { log: url.to_string(), source };
        let Name { log_id, half_copied } = name::find_or_give(&server).await.map_err(unreachable)?;
        if half_copied {
            return Err(OpenError::HalfCopied { log: url.to_string() });
        }
        let head = head(&server).await.map_err(unreachable)?;
        let (grow, grown) = watch::channel(head);
        feed::follow(Arc::clone(&server), grow.clone());
        Ok(Self { server, tails: Tails::new(), grow, grown, log_id })
    }

    /// The head of a log that is there; none where there is no log yet. Changes nothing.
    pub async fn look(url: &Url) -> Result<Option<LogHead>, OpenError> {
        let server = connect(url)?;
        let look = async {
            let Some((Name { log_id, half_copied }, _)) = name::find(&server).await? else { return Ok(None) };
            Ok(Some(LogHead { log_id, position: head(&server).await?, half_copied }))
        };
        look.await.map_err(|source| OpenError::Unreachable { log: url.to_string(), source })
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
    async fn settle(&self, write: &Write) -> Result<Settled, StoreError> {
        let after = write.expected.saturating_sub(KNOWN.into());
        let found = self.read_stream(&write.stream, after).await?;
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
    async fn refused(&self, write: &Write) -> Result<Position, StoreError> {
        match self.settle(write).await? {
            Settled::Written(position) => Ok(position),
            Settled::Open | Settled::Conflict => Err(conflict(write)),
        }
    }

    /// Sends events until it is known what became of them.
    async fn send(&self, write: &Write, events: Vec<EventData>) -> Result<Position, StoreError> {
        let (stream, mut patience) = (stream_name(self.server.url(), &write.stream), Patience::new());
        loop {
            let (cause, is_unsure) =
                match self.server.append(&stream, state(write.expected), events.clone()).await {
                    Ok(place) => match place::position(place) {
                        Some(position) if position > Position::BEGINNING => return Ok(position),
                        // It was written before, and the server says no more.
                        _ => return self.refused(write).await,
                    },
                    Err(Failure::Version | Failure::NotFound) => return self.refused(write).await,
                    Err(Failure::Refused(source)) => return Err(refusal(&write.stream, source)),
                    Err(Failure::Before(cause)) => (cause, false),
                    Err(Failure::Unsure(cause)) => (cause, true),
                };
            patience.wait(cause).await?;
            // What was sent may still be under way. Under the same ids it is written once, if it comes again.
            if is_unsure {
                match self.settle(write).await? {
                    Settled::Written(position) => return Ok(position),
                    Settled::Conflict => return Err(conflict(write)),
                    Settled::Open => {}
                }
            }
        }
    }

    async fn read(&self, stream: &StreamId, options: ReadStreamOptions) -> Result<Vec<Recorded>, StoreError> {
        let name = stream_name(self.server.url(), stream);
        decode(self.server.url(), &self.server.read(&Wanted::Stream(&name, options)).await?)
    }
}

#[async_trait]
impl StreamLog for KurrentLog {
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError> {
        let ids: HashSet<_> = write.events.iter().map(|event| event.id).collect();
        let tail = self.tail(&write).await?.filter(|tail| !ids.iter().any(|id| tail.knows(*id)));
        let Some(tail) = tail.filter(|_| ids.len() == write.events.len() && !ids.is_empty()) else {
            return self.refused(&write).await;
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
        let stream = format!("{}.nothing", self.server.url().prefix());
        let event = EventData::binary("nothing", Vec::new().into()).id(random::id());
        let mut patience = Patience::new();
        loop {
            match self.server.append(&stream, StreamState::Any, vec![event.clone()]).await {
                Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
                Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
                Ok(_) | Err(Failure::Version | Failure::NotFound) => return self.head().await,
            }
        }
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let options = ReadStreamOptions::default().position(StreamPosition::Position(after));
        let events = self.read(stream, options).await?;
        follow_each_other(after, &events)?;
        self.tails.learn(stream, &events);
        Ok(events)
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        let options = ReadStreamOptions::default().position(StreamPosition::End).max_count(size(count));
        let mut events = self.read(stream, options).await?;
        events.reverse();
        self.tails.learn(stream, &events);
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        read_all(&self.server, &[], after, limit).await
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
        read_all(&self.server, kinds, after, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        head(&self.server).await
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

/// A stream that holds so many events.
fn state(version: u64) -> StreamState {
    version.checked_sub(1).map_or(StreamState::NoStream, StreamState::StreamRevision)
}

fn stream_name(url: &Url, stream: &StreamId) -> String {
    format!("{}-{stream}", url.prefix())
}

/// Our streams of these kinds; all of them, if there are none.
fn ours(url: &Url, kinds: &[&str]) -> SubscriptionFilter {
    let (filter, prefix) = (SubscriptionFilter::on_stream_name(), url.prefix());
    match kinds {
        [] => filter.add_prefix(format!("{prefix}-")),
        kinds => kinds.iter().fold(filter, |filter, kind| filter.add_prefix(format!("{prefix}-{kind}-"))),
    }
}

fn decode(url: &Url, events: &[RecordedEvent]) -> Result<Vec<Recorded>, StoreError> {
    let prefix = format!("{}-", url.prefix());
    events.iter().map(|event| envelope::read(&prefix, event)).collect()
}

/// At most `limit` events after a position, of streams of these kinds; of all, if there are none.
async fn read_all(
    server: &Server,
    kinds: &[&str],
    after: Position,
    limit: u32,
) -> Result<Vec<Recorded>, StoreError> {
    // The event at the place where it starts comes too.
    let options = ReadAllOptions::default().position(place::from(after)).max_count(size(limit) + 1);
    let wanted = Wanted::All(options.filter(ours(server.url(), kinds)));
    let mut events = decode(server.url(), &server.read(&wanted).await?)?;
    events.retain(|event| event.position > after);
    events.truncate(size(limit));
    Ok(events)
}

/// The position of our newest event.
async fn head(server: &Server) -> Result<Position, StoreError> {
    let options = ReadAllOptions::default().position(StreamPosition::End).max_count(1);
    let wanted = Wanted::All(options.filter(ours(server.url(), &[])));
    let newest = decode(server.url(), &server.read(&wanted).await?)?;
    Ok(newest.last().map_or(Position::BEGINNING, |newest| newest.position))
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
