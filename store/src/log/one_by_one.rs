//! Makes a log of one that appends to a single stream at a time: writes one after the other, in the order given, and goes
//! no further than to the first conflict. What that order must be is for the caller to know.

use async_trait::async_trait;
use tokio::sync::watch;

use super::{EventLog, Position, Recorded, StoreError, StreamId, Write};

/// A log without transactions over several streams. All but the appending is as in [`EventLog`].
#[async_trait]
pub trait StreamLog: Send + Sync {
    /// Appends all events of the write or none, and answers the position of the last.
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError>;

    /// Waits as long as recording one event takes, records nothing, and answers the head.
    async fn append_nothing(&self) -> Result<Position, StoreError>;

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError>;

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError>;

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError>;

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError>;

    async fn head(&self) -> Result<Position, StoreError>;

    fn grown(&self) -> watch::Receiver<Position>;

    fn log_id(&self) -> &str;

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError>;
}

/// Any such log as an [`EventLog`].
pub struct OneByOne<L>(pub L);

#[async_trait]
impl<L: StreamLog> EventLog for OneByOne<L> {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        let mut last = None;
        for write in writes {
            last = last.max(Some(self.0.append_to_stream(write).await?));
        }
        match last {
            Some(last) => Ok(last),
            None => self.0.append_nothing().await,
        }
    }

    async fn append_then(&self, writes: Vec<Write>, afterwards: Vec<Write>) -> Result<Position, StoreError> {
        let mut last = self.append(writes).await?;
        for write in afterwards {
            match self.0.append_to_stream(write).await {
                Ok(position) => last = last.max(position),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(last)
    }

    fn appends_in_parts(&self) -> bool {
        true
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_all(after, limit).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_kinds(kinds, after, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.0.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.0.grown()
    }

    fn log_id(&self) -> &str {
        self.0.log_id()
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.0.next_in_sequence(name).await
    }
}
