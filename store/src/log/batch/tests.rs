//! The writer when the disk is full or the lock is not to be had: everyone hears of it, and nothing half is stored.

use std::{path::PathBuf, time::Duration};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    EventLog, NewEvent,
    log::{SqliteLog, sqlite::SqliteEngine},
    random,
    sqlite::{Role, options},
};

struct Workshop {
    folder: TempDir,
    requests: mpsc::Sender<Request>,
    grown: watch::Receiver<Position>,
    writer: JoinHandle<()>,
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("log.db")
}

/// A writer whose first connection was prepared by `spoil`, and which connects anew by `again`.
async fn workshop(
    spoil: &'static str,
    again: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Workshop {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteLog::open(&path(&folder)).await.unwrap());
    let options = again(options(&path(&folder), Role::Log));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(spoil).fetch_all(&mut connection).await.unwrap();
    let (requests, waiting) = mpsc::channel(1000);
    let (grow, grown) = watch::channel(Position::BEGINNING);
    let engine = Box::new(SqliteEngine::new(connection, options));
    let writer = tokio::spawn(write_all(engine, waiting, grow));
    Workshop { folder, requests, grown, writer }
}

fn large(stream: &str) -> Vec<Write> {
    let event = NewEvent {
        id: random::id(),
        kind: "thing.done.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: format!("\"{}\"", "x".repeat(20_000)),
        sealed: None,
    };
    vec![Write { stream: StreamId::named(stream), expected: 0, events: vec![event] }]
}

impl Workshop {
    async fn send(&self, writes: Vec<Write>) -> oneshot::Receiver<Result<Position, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { writes, reply }).await.unwrap();
        answer
    }

    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        self.send(writes).await.await.unwrap()
    }
}

#[tokio::test]
async fn a_full_disk_fails_everyone_in_the_batch_and_leaves_nothing_behind() {
    let shop = workshop("pragma max_page_count = 30", |options| options).await;
    let mut answers = Vec::new();
    for number in 0..40 {
        answers.push(shop.send(large(&format!("a-{number}"))).await);
    }
    for answer in answers {
        let outcome = answer.await.unwrap();
        let Err(StoreError::Unavailable(cause)) = outcome else { panic!("{outcome:?}") };
        assert!(cause.to_string().contains("full"), "{cause}");
    }
    let log = SqliteLog::open(&path(&shop.folder)).await.unwrap();
    assert_eq!(log.head().await.unwrap(), Position::BEGINNING);
    assert_eq!(log.read_all(Position::BEGINNING, 10).await.unwrap(), []);
    assert_eq!(*shop.grown.borrow(), Position::BEGINNING);

    assert_eq!(shop.append(large("a-1")).await.unwrap(), Position(1));
    assert_eq!(*shop.grown.borrow(), Position(1));
    let found = log.read_all(Position::BEGINNING, 10).await.unwrap();
    assert_eq!((found.len(), found[0].version), (1, 1));
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_fails_the_append_and_the_next_one_goes_on() {
    let impatient = |options: SqliteConnectOptions| options.busy_timeout(Duration::from_millis(20));
    let shop = workshop("select 1", impatient).await;
    let mut other = options(&path(&shop.folder), Role::Log).connect().await.unwrap();
    let held = other.begin_with("begin immediate").await.unwrap();
    let refused = shop.append(large("a-1")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    held.rollback().await.unwrap();
    assert_eq!(shop.append(large("a-1")).await.unwrap(), Position(1));
}

#[tokio::test]
async fn the_writer_answers_all_that_wait_before_it_ends() {
    let shop = workshop("select 1", |options| options).await;
    let mut answers = Vec::new();
    for number in 0..20 {
        answers.push(shop.send(large(&format!("a-{number}"))).await);
    }
    let Workshop { requests, writer, .. } = shop;
    drop(requests);
    writer.await.unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_caller_who_went_away_harms_no_one() {
    let shop = workshop("select 1", |options| options).await;
    drop(shop.send(large("a-1")).await);
    assert_eq!(shop.append(large("a-2")).await.unwrap(), Position(2));
}
