//! The port of the event log: what every adapter promises, and the envelope around each event.
//! Knows nothing of what events mean.

mod batch;
#[cfg(test)]
mod contract;
pub mod copy;
#[cfg(feature = "kurrent")]
pub mod kurrent;
mod memory;
mod one_by_one;
mod postgres;
mod row;
mod sqlite;
mod tail;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use domain::{MailId, SessionId, Time, UserId, name::NameKind};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Cause, VaultError, random};

pub use memory::MemoryLog;
pub use one_by_one::{OneByOne, StreamLog};
pub use postgres::{PostgresLog, PostgresLogRows};
pub use sqlite::{SqliteLog, SqliteLogRows};

/// The name of one aggregate's history.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<str>);

impl StreamId {
    pub fn user(id: UserId) -> Self {
        Self::named(format!("user-{id}"))
    }

    pub fn session(id: SessionId) -> Self {
        Self::named(format!("session-{id}"))
    }

    pub fn mail(id: MailId) -> Self {
        Self::named(format!("mail-{id}"))
    }

    pub fn login(user: UserId) -> Self {
        Self::named(format!("login-{user}"))
    }

    /// `digest` is the keyed hash of the canonical name: the name itself stays out of the log.
    pub fn claim(kind: NameKind, digest: &str) -> Self {
        Self::named(format!("claim-{}-{digest}", kind.as_str()))
    }

    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of aggregate the stream belongs to: the part before the first `-`.
    pub fn kind(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The part after the first `-`.
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, key)| key)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in the total order of one log. The beginning lies before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    pub const BEGINNING: Self = Self(0);

    /// As a column holds it.
    pub fn to_sql(self) -> i64 {
        to_sql(self.0)
    }

    /// Reads what [`Self::to_sql`] wrote.
    pub fn from_sql(number: i64) -> Self {
        Self(from_sql(number))
    }

    /// As the outside knows it: which log, and where in it.
    pub fn to_text(self, log_id: &str) -> String {
        format!("{log_id}-{}", self.0)
    }

    /// Reads what [`Self::to_text`] wrote for this log; none for any other text.
    pub fn from_text(log_id: &str, text: &str) -> Option<Self> {
        let number = text.strip_prefix(log_id)?.strip_prefix('-')?;
        let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| number.parse().ok().map(Self)).flatten()
    }
}

/// Which log a database holds, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    pub log_id: String,
    pub position: Position,
    /// Whether it is being made a copy of another log, and lacks some of that.
    pub half_copied: bool,
}

impl LogHead {
    /// What a new log is called from now on.
    pub(crate) fn new_id() -> String {
        format!("{:08x}", random::number() >> 32)
    }
}

/// A version or position as a column holds it: SQL has no unsigned integers, and no log comes near their ends.
pub fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads what [`to_sql`] wrote.
pub fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// An event to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Writing the same id twice writes one event.
    pub id: Uuid,
    /// The stored type, such as `user.registered.v1`.
    pub kind: String,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    pub actor: String,
    pub data: String,
    pub sealed: Option<String>,
}

/// Events for one stream, and how many it must hold before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub stream: StreamId,
    pub expected: u64,
    pub events: Vec<NewEvent>,
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub event: NewEvent,
    pub stream: StreamId,
    /// Counts from one in each stream, without gaps.
    pub version: u64,
    pub position: Position,
    /// Never before the one before it in its stream.
    pub recorded_at: Time,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("stream {stream} is not at the version that was expected")]
    Conflict { stream: StreamId },
    #[error("event {version} of stream {stream} can't be read")]
    Corrupt {
        stream: StreamId,
        version: u64,
        #[source]
        source: Cause,
    },
    #[error("an event of stream {stream} can't be written down")]
    Unwritable {
        stream: StreamId,
        #[source]
        source: Cause,
    },
    #[error("the event store can't be reached")]
    Unavailable(#[source] Cause),
}

impl StoreError {
    /// Whether it is not this event that is at fault, but what all events need: whoever went on with a vault that is older
    /// than the log, or under the wrong master key, would give up everyone's events.
    pub fn is_of_all(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Corrupt { source, .. } => source.is::<VaultError>(),
            Self::Conflict { .. } | Self::Unwritable { .. } => false,
        }
    }
}

fn unavailable(error: impl Into<Cause>) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// The log is not where it was left, though nobody else should have written to it.
fn went_on() -> StoreError {
    unavailable("someone else writes to this log")
}

/// The append-only log. Contract, which `contract` tests on every adapter under concurrency: versions are gapless; the
/// feed is totally ordered, and no reader ever sees a position before every earlier event is visible; an acknowledged
/// append is durable; the same event id appended twice is one event; reads see every acknowledged append.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends the writes and answers the position of the last event. A log with transactions appends all or none; one
    /// without appends one after the other, as they are given, and stops at the first that conflicts or fails. Whoever
    /// writes to several streams gives them in an order in which it does no harm to stop after any. Without writes it
    /// costs what recording one event costs, and records nothing.
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError>;

    /// Appends the writes, and with them what follows from them. A log without transactions goes past a conflict in what
    /// follows: the writes stand, and someone else has seen to it.
    async fn append_then(
        &self,
        mut writes: Vec<Write>,
        afterwards: Vec<Write>,
    ) -> Result<Position, StoreError> {
        writes.extend(afterwards);
        self.append(writes).await
    }

    /// Whether an append to several streams can be left half done, by whoever dies at it: someone has to see to what he left.
    fn appends_in_parts(&self) -> bool {
        false
    }

    /// The events of a stream after its version `after`, oldest first.
    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError>;

    /// The last `count` events of a stream, oldest first.
    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError>;

    /// At most `limit` events after a position, in the order of the log. Fewer only where there were no more, or where a server was
    /// given some by others that have no position.
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError>;

    /// The same, of streams of some [kinds](StreamId::kind) alone; fewer than `limit` come only where there are no more. A log
    /// that can choose for itself need not hand out what nobody wants.
    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let (mut place, mut found) = (after, Vec::new());
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        while found.len() < wanted {
            let batch = self.read_all(place, limit).await?;
            let Some(last) = batch.last() else { break };
            place = last.position;
            found.extend(batch.into_iter().filter(|recorded| kinds.contains(&recorded.stream.kind())));
        }
        found.truncate(wanted);
        Ok(found)
    }

    /// The position of the newest event.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Changes whenever the log may have grown. A missed change costs time, never an event: followers also poll.
    fn grown(&self) -> watch::Receiver<Position>;

    /// Which log this is: a position of another one means nothing here.
    fn log_id(&self) -> &str;

    /// The next number of a named sequence, from one on. Gaps are possible. None where the log has no such thing.
    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError>;
}
