//! What an append comes to when the server is killed under it, its answer is lost, or others hold the lock.

use std::{collections::HashSet, time::Duration};

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{super::writer, *};
use crate::postgres::proxy::Proxy;

const DEADLINE: Duration = Duration::from_mins(1);

/// Appends until it is told to stop, and answers the ids of what was acknowledged. A version that may have been taken by an append
/// without an answer is read again.
async fn write_until(log: Arc<PostgresLog>, stop: watch::Receiver<bool>) -> HashSet<Uuid> {
    let (stream, mut version, mut acknowledged) = (new_stream(), 0, HashSet::new());
    while !*stop.borrow() {
        let written = events(2);
        match log.append(vec![write(&stream, version, &written)]).await {
            Ok(_) => {
                acknowledged.extend(written.iter().map(|event| event.id));
                version += 2;
            }
            Err(StoreError::Unavailable(_)) => {
                version = loop {
                    match log.read_last(&stream, 1).await {
                        Ok(last) => break last.last().map_or(0, |last| last.version),
                        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
                    }
                };
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_and_the_log_goes_on_by_itself() {
    let server = Postgres::start();
    let database = made(&server).await;
    let url = database.url(LOG);
    let logs = [Arc::new(open(&url).await), Arc::new(open(&url).await)];
    let (stop, stopping) = watch::channel(false);
    let mut writers = JoinSet::new();
    for number in 0..16 {
        writers.spawn(write_until(Arc::clone(&logs[number % 2]), stopping.clone()));
    }
    for round in 0..6 {
        let mut grown = logs[round % 2].grown();
        let wanted = grown.borrow_and_update().0 + 50;
        tokio::time::timeout(DEADLINE, grown.wait_for(|head| head.0 >= wanted)).await.unwrap().unwrap();
        let end = if round % 2 == 0 { Postgres::kill } else { Postgres::stop };
        end(&server);
        server.begin();
    }
    stop.send_replace(true);
    let mut acknowledged = HashSet::new();
    while let Some(written) = tokio::time::timeout(DEADLINE, writers.join_next()).await.unwrap() {
        acknowledged.extend(written.unwrap());
    }
    let all = contract::feed(logs[0].as_ref(), Position::BEGINNING, 1000).await.unwrap();
    let found: HashSet<Uuid> = all.iter().map(|recorded| recorded.event.id).collect();
    assert_eq!(found.len(), all.len(), "an event is there twice");
    assert!(acknowledged.len() >= 300 && acknowledged.is_subset(&found), "{}", acknowledged.len());
    for (recorded, position) in all.iter().zip(1..) {
        assert_eq!(recorded.position, Position(position), "a position is left out");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_commit_whose_answer_is_lost_is_found_and_not_done_again() {
    let server = Postgres::shared();
    let database = made(server).await;
    let proxy = Proxy::start(server.folder());
    let log = open(&database.url_through(&proxy.folder(), LOG)).await;
    let (stream, first, second) = (new_stream(), events(3), events(1));
    log.append(vec![write(&stream, 0, &first)]).await.unwrap();
    proxy.lose(1);
    let position = log.append(vec![write(&stream, 3, &second)]).await.unwrap();
    assert_eq!((position, proxy.left_to_lose()), (Position(4), 0));
    let found = log.read_stream(&stream, 0).await.unwrap();
    assert_eq!(found.len(), 4);

    proxy.lose(1);
    let stale = log.append(vec![write(&stream, 3, &events(1))]).await;
    assert!(matches!(stale, Err(StoreError::Conflict { .. })), "{stale:?}");
    assert_eq!(proxy.left_to_lose(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn an_append_without_an_answer_for_too_long_is_unavailable_and_the_next_one_goes_on() {
    let server = Postgres::shared();
    let database = made(server).await;
    let proxy = Proxy::start(server.folder());
    let log = open(&database.url_through(&proxy.folder(), LOG)).await;
    let stream = new_stream();
    proxy.lose(100);
    let lost = log.append(vec![write(&stream, 0, &events(1))]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    proxy.lose(0);
    assert_eq!(log.append(vec![write(&stream, 1, &events(1))]).await.unwrap(), Position(2));
    let found = log.read_stream(&stream, 0).await.unwrap();
    assert_eq!(found.len(), 2, "the first one was committed, and by all its attempts once");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_process_that_is_stuck_in_the_middle_of_a_batch_holds_the_others_up_for_a_while_only() {
    let database = made(Postgres::shared()).await;
    let (stuck, log) = (open(&database.url(LOG)).await, open(&database.url(LOG)).await);
    let mut held = stuck.database.begin().await.unwrap();
    sqlx::query(writer::LOCK).execute(&mut *held).await.unwrap();
    let position = tokio::time::timeout(DEADLINE, log.append(vec![write(&new_stream(), 0, &events(1))]));
    assert_eq!(position.await.unwrap().unwrap(), Position(1));
    assert!(held.commit().await.is_err(), "the server has ended it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn sessions_that_an_operator_ends_are_made_anew() {
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(LOG)).await;
    let follower = open(&database.url(LOG)).await;
    let stream = new_stream();
    for version in 0..10 {
        database.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()",
        );
        let position = log.append(vec![write(&stream, version, &events(1))]).await.unwrap();
        let found = follower.read_stream(&stream, version).await.unwrap();
        assert_eq!(found.len(), 1, "after {version}");
        let mut grown = follower.grown();
        tokio::time::timeout(DEADLINE, grown.wait_for(|head| *head >= position)).await.unwrap().unwrap();
    }
}
