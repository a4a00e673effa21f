//! What one follower is handed out, while the next batch is read already.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use tokio::task::yield_now;

use super::*;
use crate::{Recorded, StoreError};

/// A log that counts how often it is read, and that can be away.
struct Counted {
    log: SqliteLog,
    reads: AtomicUsize,
    is_away: AtomicBool,
    _folder: TempDir,
}

impl Counted {
    async fn with(count: usize) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
        append(&log, count).await;
        Arc::new(Self { log, reads: AtomicUsize::new(0), is_away: AtomicBool::new(false), _folder: folder })
    }

    async fn is_read(&self, times: usize) {
        let read = async {
            while self.reads.load(SeqCst) < times {
                yield_now().await;
            }
        };
        timeout(DEADLINE, read).await.expect("the log is read");
    }
}

#[async_trait]
impl EventLog for Counted {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        self.log.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let read = if self.is_away.load(SeqCst) {
            Err(StoreError::Unavailable("away".into()))
        } else {
            self.log.read_all(after, limit).await
        };
        self.reads.fetch_add(1, SeqCst);
        read
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

fn batches(log: &Arc<Counted>) -> Batches {
    Batches::new(Arc::clone(log) as _)
}

async fn next(batches: &mut Batches, place: &mut Position) -> Vec<u64> {
    let batch = batches.after(*place).await.unwrap();
    *place = batch.last().map_or(*place, |last| last.position);
    batch.into_iter().map(|recorded| recorded.position.0).collect()
}

#[tokio::test]
async fn every_event_is_handed_out_once_in_order() {
    let log = Counted::with(2500).await;
    let (mut batches, mut place, mut seen) = (batches(&log), Position::BEGINNING, Vec::new());
    for expected in [1000, 1000, 500, 0] {
        let batch = next(&mut batches, &mut place).await;
        assert_eq!(batch.len(), expected);
        seen.extend(batch);
    }
    assert!(seen.iter().copied().eq(1..=2500), "{seen:?}");
}

#[tokio::test]
async fn the_next_batch_is_read_while_nobody_asks_for_it() {
    let log = Counted::with(1500).await;
    let (mut batches, mut place) = (batches(&log), Position::BEGINNING);
    next(&mut batches, &mut place).await;
    log.is_read(2).await;
    assert_eq!(next(&mut batches, &mut place).await.len(), 500);
    assert_eq!(log.reads.load(SeqCst), 2);
}

#[tokio::test]
async fn what_came_after_the_log_was_read_to_its_end_is_handed_out() {
    let log = Counted::with(1000).await;
    let (mut batches, mut place) = (batches(&log), Position::BEGINNING);
    next(&mut batches, &mut place).await;
    log.is_read(2).await;
    append(&log.log, 1).await;
    assert_eq!(next(&mut batches, &mut place).await, [1001]);
}

#[tokio::test]
async fn a_batch_that_was_read_ahead_of_time_may_not_be_all_that_there_is() {
    let log = Counted::with(1500).await;
    let (mut batches, mut place) = (batches(&log), Position::BEGINNING);
    next(&mut batches, &mut place).await;
    log.is_read(2).await;
    append(&log.log, 1).await;
    assert_eq!(next(&mut batches, &mut place).await.len(), 500);
    assert!(!batches.are_all());
    assert_eq!(next(&mut batches, &mut place).await, [1501]);
    assert!(batches.are_all());
}

#[tokio::test]
async fn what_could_not_be_read_ahead_is_read_when_it_is_asked_for() {
    let log = Counted::with(1500).await;
    let (mut batches, mut place) = (batches(&log), Position::BEGINNING);
    next(&mut batches, &mut place).await;
    log.is_away.store(true, SeqCst);
    log.is_read(2).await;
    log.is_away.store(false, SeqCst);
    assert_eq!(next(&mut batches, &mut place).await.len(), 500);
    assert_eq!(log.reads.load(SeqCst), 3);
}

#[tokio::test]
async fn whoever_goes_back_reads_from_there() {
    let log = Counted::with(1500).await;
    let mut batches = batches(&log);
    let first = batches.after(Position::BEGINNING).await.unwrap();
    let again = batches.after(Position::BEGINNING).await.unwrap();
    assert_eq!((first.len(), &first), (1000, &again));
}
