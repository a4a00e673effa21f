//! A copy that is killed, what is told of what it leaves, and how it goes on.

use std::time::Duration;

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::{Held, arguments, copy, file, filled, report};
use crate::support::{Home, Lines, OWNER, Postgres, Process, is_long, wait_for};

const PATIENCE: Duration = Duration::from_mins(20);

pub(super) async fn position(url: &str) -> i64 {
    const SQL: &str = "select position from log_head";
    if let Some(path) = url.strip_prefix("sqlite:") {
        let mut log = SqliteConnection::connect(path).await.unwrap();
        return sqlx::query_scalar(SQL).fetch_one(&mut log).await.unwrap();
    }
    let mut log = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(SQL).fetch_one(&mut log).await.unwrap()
}

/// Starts a copy and kills it once so much of it has arrived.
pub(super) async fn killed_when(home: &Home, (from, to): (&str, &str), arrived: impl AsyncFn() -> bool) {
    let lines = Lines::default();
    let mut copy = Process::spawn(home.command(&arguments(from, to)), &lines);
    // Before that it looks for others who are connected, as this test is going to be.
    wait_for("the copy begins", PATIENCE, async || {
        lines.all().iter().any(|line| line.contains("copying")).then_some(())
    })
    .await;
    wait_for("events arrive", PATIENCE, async || arrived().await.then_some(())).await;
    copy.kill();
    let ended = copy.exit_within(Duration::ZERO).expect("it was killed");
    assert_eq!(ended.code(), None, "it ended of itself before it was killed: {:?}", lines.all());
}

/// Nobody opens what a killed copy left, and whoever asks hears of it.
#[track_caller]
fn is_known_to_be_half(url: &str) {
    let home = Home::keyed(&[("STELE_STORE__LOG", url)]);
    for command in [&["serve"][..], &["user", "list"], &["log", "tail", "--from", "0"]] {
        // Some are refused earlier, because nothing else is there.
        let refused = home.run(command, "");
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
    let refused = home.run(&["serve"], "");
    assert!(refused.stderr.contains("a copy that was begun and not finished"), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    let doctor = home.run(&["doctor"], "");
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let log = doctor.stdout.lines().find(|line| line.starts_with("log ")).unwrap();
    assert!(log.contains("NOT OK") && log.contains("a copy that was begun and not finished"), "{log}");
}

async fn is_killed_again_and_again(home: &Home, from: &str, to: &str, count: i64) {
    for place in [0, count / 3, count * 2 / 3] {
        killed_when(home, (from, to), async || position(to).await >= place).await;
        let reached = position(to).await;
        assert!(reached >= place, "what was there is gone: {reached}");
        is_known_to_be_half(to);
    }
    let before = position(to).await;
    let finished = report(&copy(home, from, to), 0);
    assert_eq!((&finished["done"], &finished["held_before"]), (&"copied".into(), &before.into()));
    assert!(Held::at(to).await == Held::at(from).await, "it is another log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_copy_that_is_killed_again_and_again_ends_as_the_same_log() {
    let count = if is_long() { 100_000 } else { 24_000 };
    let home = Home::new(&[]);
    let (source, database) = (filled::log(&home, count).await, Postgres::shared().database());
    let (there, back) = (database.url(OWNER), file(&home, "back.db"));
    is_killed_again_and_again(&home, &source, &there, count).await;
    is_killed_again_and_again(&home, &there, &back, count).await;
    assert!(Held::at(&back).await == Held::at(&source).await, "it came back another log");
}
