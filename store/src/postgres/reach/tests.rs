//! A server that is away, and one whose connections are all in use.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use super::*;
use crate::{
    postgres::Database,
    test_server::{OWNER, Postgres},
};

const DEADLINE: Duration = Duration::from_mins(1);
const CONNECTIONS: u32 = 2;

async fn asked(database: &Database) -> Result<i32, sqlx::Error> {
    database.one(|| database.query("select 1")).await
}

fn is_away(answer: &Result<i32, sqlx::Error>) -> bool {
    matches!(answer, Err(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::NotConnected)
}

async fn asked_until(database: &Database, enough: impl Fn(&Result<i32, sqlx::Error>) -> bool) {
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = asked(database).await;
        if enough(&answer) {
            return;
        }
        assert!(Instant::now() < end, "in vain: {answer:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn whoever_asks_in_a_loop_does_not_keep_the_server_from_being_found() {
    let reach = Reach::default();
    reach.0.is_away.store(true, Ordering::Release);
    let known = Arc::clone(&reach.0);
    tokio::spawn(async move { known.is_away.store(false, Ordering::Release) });
    for _ in 0..1000 {
        if reach.check().await.is_ok() {
            return;
        }
    }
    panic!("on the only thread nobody else had a turn");
}

#[test]
fn a_connection_that_is_lost_makes_older_ones_suspect_and_one_that_is_not_to_be_had_none() {
    let (reach, url) = (Reach::default(), "postgres://ada@localhost/log".parse().unwrap());
    let learn = |kind| reach.learn::<()>(&url, Err(io::Error::from(kind).into())).unwrap_err();
    learn(io::ErrorKind::ConnectionRefused);
    learn(io::ErrorKind::NotConnected);
    assert!(!reach.may_be_lost(Duration::from_hours(1)));
    learn(io::ErrorKind::ConnectionReset);
    assert!(reach.may_be_lost(Duration::from_hours(1)) && !reach.may_be_lost(Duration::ZERO));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn nobody_waits_for_a_server_that_was_waited_for_in_vain_until_it_is_back() {
    let server = Postgres::start();
    let made = server.database();
    let database = Database::connect(&made.url(OWNER).parse().unwrap(), CONNECTIONS).await.unwrap();
    server.kill();
    asked_until(&database, is_away).await;
    let mut flood = JoinSet::new();
    for _ in 0..1000 {
        let database = database.clone();
        flood.spawn(async move { asked(&database).await });
    }
    while let Some(answer) = flood.join_next().await {
        let answer = answer.unwrap();
        assert!(is_away(&answer), "{answer:?}");
    }
    assert!(database.begin().await.is_err_and(|error| is_away(&Err(error))));
    assert!(database.connection().await.is_err_and(|error| is_away(&Err(error))));
    server.begin();
    asked_until(&database, Result::is_ok).await;
    database.begin().await.unwrap();
    database.connection().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_server_whose_connections_are_all_in_use_is_not_away() {
    let made = Postgres::shared().database();
    let database = Database::connect(&made.url(OWNER).parse().unwrap(), CONNECTIONS).await.unwrap();
    let held = [database.begin().await.unwrap(), database.begin().await.unwrap()];
    assert!(matches!(asked(&database).await, Err(sqlx::Error::PoolTimedOut)));
    assert!(matches!(asked(&database).await, Err(sqlx::Error::PoolTimedOut)), "it still waits");
    drop(held);
    assert_eq!(asked(&database).await.unwrap(), 1);
}
