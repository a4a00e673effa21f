//! A log that appends to one stream at a time, on which one append fares as it is told to.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use store::{
    Change, Context, Journal, Position, Recorded, StoreError, StreamId, Write,
    log::{MemoryLog, StreamLog},
};
use tokio::sync::watch;

pub(super) enum Meddling {
    /// Before the append.
    Dies,
    /// After the append, before anybody hears of it.
    DiesAfter,
    /// Someone else writes this first.
    IsBeaten(Change),
}

type Script = Arc<Mutex<Option<(usize, Meddling)>>>;

#[derive(Clone, Default)]
pub(super) struct Meddled {
    pub(super) log: MemoryLog,
    script: Script,
    /// The way to the log of whoever meddles.
    others: Arc<Mutex<Option<Journal>>>,
}

impl Meddled {
    pub(super) fn meddle_by(&self, others: Journal) {
        *self.others.lock().unwrap() = Some(others);
    }

    /// After so many appends.
    pub(super) fn meddle_after(&self, appends: usize, meddling: Meddling) {
        *self.script.lock().unwrap() = Some((appends, meddling));
    }

    /// Lets all go well from here on; whether anybody meddled.
    pub(super) fn leave_alone(&self) -> bool {
        self.script.lock().unwrap().take().is_none()
    }

    fn due(&self) -> Option<Meddling> {
        let mut script = self.script.lock().unwrap();
        match script.take()? {
            (0, meddling) => Some(meddling),
            (left, meddling) => {
                *script = Some((left - 1, meddling));
                None
            }
        }
    }
}

fn dead() -> StoreError {
    StoreError::Unavailable("it died".into())
}

#[async_trait]
impl StreamLog for Meddled {
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError> {
        match self.due() {
            None => {}
            Some(Meddling::Dies) => return Err(dead()),
            Some(Meddling::DiesAfter) => {
                self.log.append_to_stream(write).await?;
                return Err(dead());
            }
            Some(Meddling::IsBeaten(change)) => {
                let others = self.others.lock().unwrap().clone().expect("someone who meddles");
                // Who comes too late is in conflict himself.
                match others.append(&Context::of("other"), vec![change]).await {
                    Ok(_) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.log.append_to_stream(write).await
    }

    async fn append_nothing(&self) -> Result<Position, StoreError> {
        self.log.append_nothing().await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_all(after, limit).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_kinds(kinds, after, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.log.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.log.grown()
    }

    fn log_id(&self) -> &str {
        self.log.log_id()
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.log.next_in_sequence(name).await
    }
}
