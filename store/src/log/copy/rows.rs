//! The port between a copy of a log and what the log is in: what every engine promises that can be copied from and to with all
//! positions as they are.

use async_trait::async_trait;

use crate::log::{LogHead, Position, Recorded, StoreError};

/// A named sequence, and the last number that it dealt.
pub type Sequence = (String, i64);

/// The rows of a log, as they are.
#[async_trait]
pub trait LogRows: Send + Sync {
    async fn head(&self) -> Result<LogHead, StoreError>;

    /// As [`EventLog::read_all`](crate::EventLog::read_all).
    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError>;

    async fn sequences(&self) -> Result<Vec<Sequence>, StoreError>;

    /// Who else is connected, by name, as far as the engine can tell.
    async fn others(&self) -> Result<Vec<String>, StoreError>;

    /// Gives the log another's id and marks it as half copied, if it is still as it was `seen`.
    async fn begin(&self, log_id: &str, seen: &LogHead) -> Result<(), StoreError>;

    /// Adds the events as they are, in their order, to a log that has come to `after`. Whoever is killed at it leaves a beginning of
    /// them, or none.
    async fn add(&self, events: &[Recorded], after: Position) -> Result<(), StoreError>;

    /// Takes the mark from a log that has come to `head`, and raises its sequences to these.
    async fn finish(&self, head: Position, sequences: &[Sequence]) -> Result<(), StoreError>;
}
