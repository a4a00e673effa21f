//! The SQLite log under the contract, and what is its own: files, other processes, locks and clocks that go back.

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;
use uuid::Uuid;

use super::{
    super::{
        NewEvent,
        contract::{self, Appends, Handles, Reader},
    },
    *,
};
use crate::random;

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("log.db")
}

async fn log(folder: &TempDir) -> SqliteLog {
    SqliteLog::open(&file(folder)).await.unwrap()
}

fn event(id: Uuid) -> NewEvent {
    NewEvent {
        id,
        kind: "thing.done.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: "{}".to_owned(),
        sealed: None,
    }
}

fn write(stream: &str, expected: u64, ids: &[Uuid]) -> Write {
    Write { stream: StreamId::named(stream), expected, events: ids.iter().map(|id| event(*id)).collect() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::hold(Appends::InOneTransaction, async || {
        let log: Arc<dyn EventLog> = Arc::new(log(&folder).await);
        log
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_trusts_the_head_is_caught_on_a_sound_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let handles = Handles { one: Arc::new(log(&folder).await), other: Arc::new(log(&folder).await) };
    let violation = contract::flood(&handles, Reader::TrustsTheHead).await.unwrap_err();
    assert!(violation.to_string().contains("without having seen its event"), "{violation}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_under_the_same_log_id() {
    let folder = tempfile::tempdir().unwrap();
    let ids = [random::id(), random::id()];
    let before = log(&folder).await;
    let position = before.append(vec![write("a-1", 0, &ids)]).await.unwrap();
    let (name, dealt) = (before.log_id().to_owned(), before.next_in_sequence("pk").await.unwrap());
    drop(before);

    let after = log(&folder).await;
    assert_eq!(after.log_id(), name);
    assert_eq!(after.head().await.unwrap(), position);
    assert_eq!(*after.grown().borrow(), position);
    let found = after.read_stream(&StreamId::named("a-1"), 0).await.unwrap();
    assert_eq!(found.iter().map(|found| found.event.id).collect::<Vec<_>>(), ids);
    assert_eq!((dealt, after.next_in_sequence("pk").await.unwrap()), (Some(1), Some(2)));
}

#[tokio::test]
async fn an_id_of_another_stream_conflicts_and_harms_no_one_else() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(log(&folder).await);
    let id = random::id();
    log.append(vec![write("a-1", 0, &[id])]).await.unwrap();
    let bystanders: Vec<_> = (0..20)
        .map(|number| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let stream = format!("bystander-{number}");
                log.append(vec![write(&stream, 0, &[random::id()])]).await
            })
        })
        .collect();
    let outcome = log.append(vec![write("b-1", 0, &[random::id(), id])]).await;
    assert!(matches!(outcome, Err(StoreError::Conflict { stream }) if stream.as_str() == "b-1"));
    for bystander in bystanders {
        bystander.await.unwrap().unwrap();
    }
    assert_eq!(log.read_stream(&StreamId::named("b-1"), 0).await.unwrap(), []);
}

#[tokio::test]
async fn an_id_twice_in_one_append_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder).await;
    let id = random::id();
    let outcome = log.append(vec![write("a-1", 0, &[id, id])]).await;
    assert!(matches!(outcome, Err(StoreError::Conflict { .. })), "{outcome:?}");
    let apart = vec![write("a-1", 0, &[id]), write("b-1", 0, &[id])];
    assert!(matches!(log.append(apart).await, Err(StoreError::Conflict { .. })));
    assert_eq!(log.head().await.unwrap(), Position::BEGINNING);
}

#[tokio::test]
async fn a_clock_that_went_back_does_not_take_the_stream_along() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder).await;
    log.append(vec![write("a-1", 0, &[random::id()])]).await.unwrap();
    let ahead = crate::clock::now() + Duration::from_hours(1);
    sqlx::query(
        "insert into events (position, stream, version, id, type, recorded_at, correlation, actor, data) \
         select 2, stream, 2, ?, type, ?, correlation, actor, data from events",
    )
    .bind(random::id().as_bytes().as_slice())
    .bind(ahead.0)
    .execute(&log.readers)
    .await
    .unwrap();
    sqlx::query("update log_head set position = 2").execute(&log.readers).await.unwrap();
    log.append(vec![write("a-1", 2, &[random::id()])]).await.unwrap();
    let newest = log.read_last(&StreamId::named("a-1"), 1).await.unwrap();
    assert_eq!(newest[0].recorded_at, ahead);
}

#[tokio::test]
async fn events_are_neither_changed_nor_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder).await;
    log.append(vec![write("a-1", 0, &[random::id()])]).await.unwrap();
    for sql in ["update events set data = ''", "delete from events"] {
        assert!(sqlx::query(sql).execute(&log.readers).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn an_append_waits_for_another_process_that_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(log(&folder).await);
    let options = sqlite::options(&file(&folder), Role::Log);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let held = other.begin_with("begin immediate").await.unwrap();
    let appending = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.append(vec![write("a-1", 0, &[random::id()])]).await }
    });
    for _ in 0..50 {
        assert_eq!(log.read_all(Position::BEGINNING, 10).await.unwrap(), []);
        assert!(!appending.is_finished());
    }
    held.rollback().await.unwrap();
    assert_eq!(appending.await.unwrap().unwrap(), Position(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_once_make_one_log() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let path = file(&folder);
                tokio::spawn(async move { SqliteLog::open(&path).await })
            })
            .collect();
        let mut names = std::collections::BTreeSet::new();
        for log in opening {
            names.insert(log.await.unwrap().unwrap().log_id().to_owned());
        }
        assert_eq!(names.len(), 1);
    }
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder).await;
    log.append(vec![write("a-1", 0, &[random::id()])]).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}
