//! Writers in several processes on one log, and readers that follow all the while.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::task::JoinSet;

use super::*;

/// Where the log is, for a process that was started to write to it.
const WRITE_TO: &str = "STELE_TEST_WRITE_TO";
const NAME: &str =
    "log::postgres::tests::processes::of_thirty_two_writers_in_two_processes_no_reader_skips_an_event";
const PROCESSES: u64 = 2;
const WRITERS: u64 = 16;
const DEADLINE: Duration = Duration::from_mins(10);

/// How many events each writer appends, some of them two at a time.
fn each() -> u64 {
    let is_long = env::var_os("STELE_TEST_LONG").is_some_and(|value| value == "1");
    if is_long { 3125 } else { 200 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn of_thirty_two_writers_in_two_processes_no_reader_skips_an_event() {
    if let Some(url) = env::var_os(WRITE_TO) {
        return all_write(url.to_str().unwrap()).await;
    }
    let database = made(Postgres::shared()).await;
    let url = database.url(LOG);
    let end = PROCESSES * WRITERS * each();
    let mut readers = JoinSet::new();
    for page in [1000, 100, 7] {
        readers.spawn(read(handle(&url).await, page, end));
    }
    let start = || {
        let mut writers = Command::new(env::current_exe().unwrap());
        writers.args(["--exact", NAME, "--ignored"]).env(WRITE_TO, &url).stdout(Stdio::null());
        writers.spawn().unwrap()
    };
    let processes: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    for mut process in processes {
        let ended = tokio::task::spawn_blocking(move || process.wait().unwrap());
        assert!(tokio::time::timeout(DEADLINE, ended).await.unwrap().unwrap().success());
    }
    let in_order: Vec<u64> = (1..=end).collect();
    while let Some(seen) = tokio::time::timeout(DEADLINE, readers.join_next()).await.unwrap() {
        assert!(seen.unwrap() == in_order, "a reader skipped an event, or saw one twice");
    }
    assert_eq!(open(&url).await.head().await.unwrap(), Position(end));
}

async fn all_write(url: &str) {
    let log = handle(url).await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            let (stream, mut version) = (new_stream(), 0);
            while version < each() {
                let count = (1 + version % 2).min(each() - version);
                let written = events(usize::try_from(count).unwrap());
                log.append(vec![write(&stream, version, &written)]).await.unwrap();
                version += count;
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
}

/// The positions that a follower is given, until he has seen the last one.
async fn read(log: Arc<dyn EventLog>, page: u32, end: u64) -> Vec<u64> {
    let (mut seen, mut place, mut grown) = (Vec::new(), Position::BEGINNING, log.grown());
    while place < Position(end) {
        let batch = log.read_all(place, page).await.unwrap();
        let Some(last) = batch.last() else {
            grown.changed().await.unwrap();
            continue;
        };
        place = last.position;
        seen.extend(batch.iter().map(|recorded| recorded.position.0));
    }
    seen
}
