//! Reads the log for one follower, and the next batch while he is busy with the last one. Knows neither leases nor what is done
//! with events.

use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};

use crate::{EventLog, Position, Recorded, StoreError};

type Read = Result<Vec<Recorded>, StoreError>;

/// The events of a log in its order, batch after batch.
pub struct Batches {
    log: Arc<dyn EventLog>,
    /// What is read already, after which position.
    ahead: Option<(Position, JoinHandle<Read>)>,
    are_all: bool,
}

impl Batches {
    /// How many events are handed out at once.
    pub const SIZE: u32 = 1000;

    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, ahead: None, are_all: false }
    }

    /// Whether the log had no more behind the last batch when that was asked for, as far as its size tells: see
    /// [`EventLog::read_all`].
    pub fn are_all(&self) -> bool {
        self.are_all
    }

    /// Events after a position, oldest first; none only where the log has no more now.
    pub async fn after(&mut self, place: Position) -> Result<Vec<Recorded>, StoreError> {
        let ahead = self.read_ahead(place).await;
        // What was read ahead of time may have been added to since.
        let (read, is_of_now) = match ahead.filter(|batch| !batch.is_empty()) {
            Some(batch) => (batch, false),
            None => (self.log.read_all(place, Self::SIZE).await?, true),
        };
        let is_full = u32::try_from(read.len()) == Ok(Self::SIZE);
        self.are_all = is_of_now && !is_full;
        if let Some(last) = read.last().filter(|_| is_full) {
            let (log, place) = (Arc::clone(&self.log), last.position);
            self.ahead = Some((place, tokio::spawn(async move { log.read_all(place, Self::SIZE).await })));
        }
        Ok(read)
    }

    /// What was read already, if it begins after this position. What went wrong with it shows when it is read again.
    async fn read_ahead(&mut self, place: Position) -> Option<Vec<Recorded>> {
        let (after, reading) = self.ahead.as_mut()?;
        if *after != place {
            reading.abort();
            self.ahead = None;
            return None;
        }
        let read: Result<Read, JoinError> = reading.await;
        self.ahead = None;
        read.ok()?.ok()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        if let Some((_, reading)) = &self.ahead {
            reading.abort();
        }
    }
}
