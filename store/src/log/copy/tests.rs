//! What a copy is, whichever engines it is between, and what it refuses.

#[cfg(feature = "kurrent")]
mod kurrent;

use std::{collections::BTreeSet, path::PathBuf, sync::Mutex};

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;
use crate::{
    EventLog, Recorded, StreamId,
    log::{
        LogHead, PostgresLog, PostgresLogRows, SqliteLog, SqliteLogRows,
        contract::{event, write},
        unavailable,
    },
    postgres::Safety,
    random,
    test_server::{LOG, OWNER, Postgres},
};

/// So many events are more than are copied at once, and no whole number of batches.
const MANY: u64 = 2_345;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn log(&self, name: &str) -> SqliteLog {
        SqliteLog::open(&self.file(name)).await.unwrap()
    }

    async fn rows(&self, name: &str) -> SqliteLogRows {
        SqliteLogRows::open(&self.file(name)).await.unwrap()
    }

    /// A log with so many events of all shapes, on a few streams, and a sequence.
    async fn filled(&self, name: &str, count: u64) -> SqliteLog {
        let log = self.log(name).await;
        grow(&log, 0, count).await;
        log.next_in_sequence("pk").await.unwrap();
        log.next_in_sequence("pk").await.unwrap();
        log
    }
}

/// Appends events with numbers from `start` on, some sealed, some caused by another, with text of every kind.
async fn grow(log: &dyn EventLog, start: u64, count: u64) {
    const STREAMS: u64 = 7;
    for first in (start..start + count).step_by(100) {
        let numbers = first..(first + 100).min(start + count);
        let writes = numbers.map(|number| {
            let mut one = event(format!("{{\"number\":{number},\"text\":\"ä\\u0000 \u{1f5ff}\\n\"}}"));
            one.causation = (number % 3 == 0).then(random::id);
            one.sealed = (number % 2 == 0).then(|| format!("{{\"name\":\"{number}\"}}"));
            let stream = StreamId::named(format!("user-{}", number % STREAMS));
            write(&stream, number / STREAMS, &[one])
        });
        log.append(writes.collect()).await.unwrap();
    }
}

async fn copy(from: &dyn LogRows, to: &dyn LogRows) -> Result<Copied, CopyError> {
    let copy = Copy { from, to, progress: &|_| () };
    copy.run(async || Ok::<_, CopyError>(true)).await
}

async fn all(log: &dyn LogRows) -> Vec<Recorded> {
    log.read_all(Position::BEGINNING, u32::MAX).await.unwrap()
}

/// Nothing was copied to it, and it is what it was.
async fn is_untouched(target: &dyn LogRows, before: &(LogHead, Vec<Recorded>)) {
    assert_eq!((&target.head().await.unwrap(), &all(target).await), (&before.0, &before.1));
}

/// A log that can be copied to until it has come so far, as if the process that copies were killed.
struct Mortal<'r> {
    rows: &'r dyn LogRows,
    until: u64,
}

#[async_trait]
impl LogRows for Mortal<'_> {
    async fn head(&self) -> Result<LogHead, StoreError> {
        self.rows.head().await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.rows.read_all(after, limit).await
    }

    async fn sequences(&self) -> Result<Vec<Sequence>, StoreError> {
        self.rows.sequences().await
    }

    async fn others(&self) -> Result<Vec<String>, StoreError> {
        self.rows.others().await
    }

    async fn begin(&self, log_id: &str, seen: &LogHead) -> Result<(), StoreError> {
        self.rows.begin(log_id, seen).await
    }

    async fn add(&self, events: &[Recorded], after: Position) -> Result<(), StoreError> {
        if after.0 >= self.until {
            return Err(unavailable("killed"));
        }
        self.rows.add(events, after).await
    }

    async fn finish(&self, head: Position, sequences: &[Sequence]) -> Result<(), StoreError> {
        self.rows.finish(head, sequences).await
    }
}

#[tokio::test]
async fn a_copy_is_the_same_log() {
    let folder = Folder::new();
    let source = folder.filled("a", MANY).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let copied = copy(&from, &to).await.unwrap();
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, 0, MANY));
    assert_eq!(all(&to).await, all(&from).await);
    assert_eq!(copied.source, copied.target);

    let target = folder.log("b").await;
    assert_eq!(target.log_id(), source.log_id());
    assert_eq!(target.next_in_sequence("pk").await.unwrap(), Some(3), "no number is dealt twice");
    let next = Position(MANY + 1);
    let stream = StreamId::named("user-next");
    assert_eq!(target.append(vec![write(&stream, 0, &[event("{}")])]).await.unwrap(), next);
}

#[tokio::test]
async fn a_log_without_events_is_copied_with_its_id() {
    let folder = Folder::new();
    let source = folder.log("a").await;
    let copied = copy(&folder.rows("a").await, &folder.rows("b").await).await.unwrap();
    assert_eq!((copied.end, copied.target.events), (End::Whole, 0));
    assert_eq!(folder.log("b").await.log_id(), source.log_id());
}

#[tokio::test]
async fn every_step_is_told() {
    let folder = Folder::new();
    folder.filled("a", MANY).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let told = Mutex::new(Vec::new());
    let run = || async {
        let tell = |step| told.lock().unwrap().push(step);
        let copy = Copy { from: &from, to: &to, progress: &tell };
        copy.run(async || Ok::<_, CopyError>(true)).await.unwrap();
        std::mem::take(&mut *told.lock().unwrap())
    };
    let (copying, comparing) = (run().await, run().await);
    assert!(copying.contains(&Step::Copying { done: 1000, of: MANY }), "{copying:?}");
    assert!(copying.contains(&Step::ReadingBack { done: 2000, of: MANY }), "{copying:?}");
    assert!(comparing.contains(&Step::Comparing { done: 2000, of: MANY }), "{comparing:?}");
    assert!(!comparing.iter().any(|step| matches!(step, Step::Copying { .. })), "{comparing:?}");
}

#[tokio::test]
async fn a_copy_that_was_killed_goes_on_where_it_was_and_nobody_opens_it_before() {
    let folder = Folder::new();
    folder.filled("a", MANY).await;
    let from = folder.rows("a").await;
    for until in [0, 1000, 2000] {
        let name = format!("b{until}");
        let to = folder.rows(&name).await;
        copy(&from, &Mortal { rows: &to, until }).await.unwrap_err();
        assert_eq!(to.head().await.unwrap().position, Position(until));
        let refused = SqliteLog::open(&folder.file(&name)).await.err().unwrap().to_string();
        assert!(refused.contains("begun and not finished"), "{refused}");
        let refused = copy(&to, &folder.rows("c").await).await.unwrap_err();
        assert!(matches!(refused, CopyError::HalfSource), "{refused}");

        let copied = copy(&from, &to).await.unwrap();
        assert_eq!((copied.end, copied.held), (End::Whole, until));
        assert_eq!(all(&to).await, all(&from).await);
        folder.log(&name).await;
    }
}

#[tokio::test]
async fn what_a_source_gets_while_it_is_in_use_is_copied_the_next_time() {
    let folder = Folder::new();
    let source = folder.filled("a", 50).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let run = async |settled: bool| {
        let copy = Copy { from: &from, to: &to, progress: &|_| () };
        copy.run(async || Ok::<_, CopyError>(settled)).await.unwrap()
    };
    let copied = run(false).await;
    assert_eq!((copied.end, copied.source == copied.target), (End::Behind, true));
    assert!(to.head().await.unwrap().half_copied);
    grow(&source, 50, 30).await;
    let copied = run(true).await;
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, 50, 80));
    grow(&source, 80, 30).await;
    let copied = run(true).await;
    assert_eq!((copied.end, copied.held, copied.target.events), (End::Whole, 80, 110));
    assert_eq!(all(&to).await, all(&from).await);
}

#[tokio::test]
async fn events_that_come_while_it_is_settled_are_copied_as_well() {
    let folder = Folder::new();
    let source = folder.filled("a", 50).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let copy = Copy { from: &from, to: &to, progress: &|_| () };
    let settle = async || {
        grow(&source, 50, 30).await;
        Ok::<_, CopyError>(true)
    };
    let copied = copy.run(settle).await.unwrap();
    assert_eq!((copied.end, copied.target.events), (End::Whole, 80));
}

#[tokio::test]
async fn a_target_that_holds_anything_else_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let source = folder.filled("a", 50).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let refused = async |target: &SqliteLogRows, why: &str| {
        let before = (target.head().await.unwrap(), all(target).await);
        let error = copy(&from, target).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        is_untouched(target, &before).await;
    };
    folder.filled("other", 3).await;
    refused(&folder.rows("other").await, "up to position 3; give one that is empty").await;

    copy(&from, &to).await.unwrap();
    grow(&folder.log("b").await, 50, 10).await;
    refused(&to, "ahead of the source").await;
    grow(&source, 50, 20).await;
    refused(&to, "at position 51 it holds another event").await;
}

#[tokio::test]
async fn a_target_that_someone_writes_to_meanwhile_is_left_to_him() {
    let folder = Folder::new();
    folder.filled("a", 50).await;
    let (from, to) = (folder.rows("a").await, folder.rows("b").await);
    let events = all(&from).await;
    for after in [Position(1), Position(60)] {
        assert!(to.add(&events, after).await.is_err(), "it has come to the beginning");
    }
    let mut seen = to.head().await.unwrap();
    seen.position = Position(1);
    assert!(to.begin("7f3a9c01", &seen).await.is_err());
    assert!(to.finish(Position(1), &[]).await.is_err());
    assert_eq!(all(&to).await, []);
}

#[tokio::test]
async fn a_sum_tells_every_change_of_any_event() {
    type Change = fn(&mut Recorded);
    let changes: [Change; 11] = [
        |_| (),
        |e| e.position.0 += 1,
        |e| e.version += 1,
        |e| e.recorded_at.0 += 1,
        |e| e.stream = StreamId::named("user-x"),
        |e| e.event.id = random::id(),
        |e| e.event.kind.push('x'),
        |e| e.event.correlation = random::id(),
        |e| e.event.causation = None,
        |e| e.event.sealed = None,
        // A byte that changes places with its neighbour.
        |e| {
            let end = e.event.actor.pop().unwrap();
            e.event.data.insert(0, end);
        },
    ];
    let folder = Folder::new();
    let log = folder.log("a").await;
    let mut one = event("{}");
    (one.causation, one.sealed) = (Some(random::id()), Some(String::new()));
    log.append(vec![write(&StreamId::named("user-1"), 0, &[one])]).await.unwrap();
    let original = all(&folder.rows("a").await).await;
    let mut sums = BTreeSet::new();
    for (number, change) in changes.iter().enumerate() {
        let rows = folder.rows(&format!("b{number}")).await;
        let mut events = original.clone();
        change(&mut events[0]);
        rows.add(&events, Position::BEGINNING).await.unwrap();
        sums.insert(Sum::of(&rows, Position(10), |_| ()).await.unwrap().checksum);
    }
    assert_eq!(sums.len(), changes.len());
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_log_goes_to_postgresql_and_back_with_all_that_it_holds() {
    let (folder, database) = (Folder::new(), Postgres::shared().database());
    let (sound, url) = (Safety::Required, database.url(OWNER).parse().unwrap());
    folder.filled("a", MANY).await;
    let (from, back) = (folder.rows("a").await, folder.rows("b").await);
    let there = PostgresLogRows::open(&url, sound).await.unwrap();
    copy(&from, &Mortal { rows: &there, until: 1000 }).await.unwrap_err();
    let refused = PostgresLog::open(&url, sound).await.err().unwrap().to_string();
    assert!(refused.contains("begun and not finished"), "{refused}");
    let copied = copy(&from, &there).await.unwrap();
    assert_eq!((copied.end, copied.held), (End::Whole, 1000));
    copy(&PostgresLogRows::inspect(&url).await.unwrap(), &back).await.unwrap();
    assert_eq!(all(&there).await, all(&from).await);
    assert_eq!(all(&back).await, all(&from).await);

    database.grant("log");
    let served = PostgresLog::open(&database.url(LOG).parse().unwrap(), sound).await.unwrap();
    assert_eq!(served.next_in_sequence("pk").await.unwrap(), Some(3));
    assert_eq!(there.others().await.unwrap().first().map(String::as_str), Some(LOG));
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn whoever_serves_a_log_can_not_make_it_another_one() {
    let (folder, database) = (Folder::new(), Postgres::shared().database());
    folder.filled("a", 10).await;
    drop(PostgresLogRows::open(&database.url(OWNER).parse().unwrap(), Safety::Required).await.unwrap());
    database.grant("log");
    let to = PostgresLogRows::open(&database.url(LOG).parse().unwrap(), Safety::Required).await.unwrap();
    let before = (to.head().await.unwrap(), all(&to).await);
    let refused = crate::chain(&copy(&folder.rows("a").await, &to).await.unwrap_err());
    assert!(refused.contains("copy as the role that owns the tables"), "{refused}");
    is_untouched(&to, &before).await;
}
