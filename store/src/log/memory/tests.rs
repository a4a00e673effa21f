//! The log in memory, made whole by [`OneByOne`], under the contract of those without transactions.

use super::{
    super::{
        EventLog, NewEvent,
        contract::{self, Appends},
        one_by_one::OneByOne,
    },
    *,
};

fn write(stream: &str, expected: u64) -> Write {
    let event = NewEvent {
        id: random::id(),
        kind: "thing.done.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: "{}".to_owned(),
        sealed: None,
    };
    Write { stream: StreamId::named(stream), expected, events: vec![event] }
}

async fn streams_of(log: &dyn EventLog) -> Vec<String> {
    let all = log.read_all(Position::BEGINNING, 100).await.unwrap();
    all.into_iter().map(|recorded| recorded.stream.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_keeps_the_contract() {
    let memory = MemoryLog::new();
    contract::hold(Appends::OneAfterAnother, async || {
        let log: Arc<dyn EventLog> = Arc::new(OneByOne(memory.clone()));
        log
    })
    .await;
}

#[tokio::test]
async fn what_stands_before_a_conflict_is_written_and_nothing_after_it() {
    let log = OneByOne(MemoryLog::new());
    let outcome =
        log.append_then(vec![write("a-1", 0), write("b-1", 7), write("c-1", 0)], vec![write("d-1", 0)]);
    assert!(matches!(outcome.await, Err(StoreError::Conflict { stream }) if stream.as_str() == "b-1"));
    assert_eq!(streams_of(&log).await, ["a-1"]);
}

#[tokio::test]
async fn a_conflict_in_what_follows_holds_up_nothing() {
    let log = OneByOne(MemoryLog::new());
    let position =
        log.append_then(vec![write("a-1", 0)], vec![write("b-1", 7), write("c-1", 0)]).await.unwrap();
    assert_eq!(streams_of(&log).await, ["a-1", "c-1"]);
    assert_eq!(position, log.head().await.unwrap());
}

#[tokio::test]
async fn whoever_repeats_all_writes_because_the_answer_was_lost_finds_them_written() {
    let log = OneByOne(MemoryLog::new());
    let writes = vec![write("a-1", 0), write("b-1", 0)];
    let position = log.append(writes.clone()).await.unwrap();
    assert_eq!(log.append(writes).await.unwrap(), position);
    assert_eq!(streams_of(&log).await, ["a-1", "b-1"]);
}
