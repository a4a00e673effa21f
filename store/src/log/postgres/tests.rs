//! The PostgreSQL log under the contract, as the role with the least rights, and what is its own: servers that are killed, answers that
//! are lost, locks that are held, sessions that change, and what a role may not do.

mod faults;
mod processes;

use std::sync::Arc;

use sqlx::{AssertSqlSafe, error::DatabaseError};

use super::{
    super::contract::{self, Appends, Handles, Reader, event, events, new_stream, write},
    *,
};
use crate::test_server::{LOG, OWNER, Postgres, TestDatabase};

/// A log made by its owner, whose rights are granted as the manual says.
async fn made(server: &Postgres) -> TestDatabase<'_> {
    let database = server.database();
    drop(open(&database.url(OWNER)).await);
    database.grant("log");
    database
}

async fn open(url: &str) -> PostgresLog {
    PostgresLog::open(&url.parse().unwrap(), Safety::Required).await.unwrap()
}

async fn handle(url: &str) -> Arc<dyn EventLog> {
    Arc::new(open(url).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_log_keeps_the_contract() {
    let database = made(Postgres::shared()).await;
    contract::hold(Appends::InOneTransaction, async || handle(&database.url(LOG)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL and pgbouncer (apt-get install postgresql pgbouncer); ./test runs it where they are"]
async fn the_log_keeps_the_contract_behind_a_pooler_that_gives_each_transaction_another_session() {
    let server = Postgres::start();
    server.pool();
    let database = server.database();
    let start = |_| {
        let url = database.pooled_url(OWNER);
        tokio::spawn(async move { drop(open(&url).await) })
    };
    for started in (0..6).map(start).collect::<Vec<_>>() {
        started.await.unwrap();
    }
    database.grant("log");
    let url = database.pooled_url(LOG);
    contract::hold(Appends::InOneTransaction, async || handle(&url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn of_thirty_two_writers_on_two_handles_no_reader_skips_an_event() {
    let database = made(Postgres::shared()).await;
    let url = database.url(LOG);
    let handles = Handles { one: handle(&url).await, other: handle(&url).await };
    let (some, others) =
        tokio::join!(contract::flood(&handles, Reader::Careful), contract::flood(&handles, Reader::Careful));
    some.and(others).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_reader_that_trusts_the_head_is_caught_on_a_sound_log_too() {
    let database = made(Postgres::shared()).await;
    let url = database.url(LOG);
    let handles = Handles { one: handle(&url).await, other: handle(&url).await };
    let violation = contract::flood(&handles, Reader::TrustsTheHead).await.unwrap_err();
    assert!(violation.to_string().contains("without having seen its event"), "{violation}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn whoever_serves_can_neither_change_nor_delete_an_event() {
    const FORBIDDEN: &str = "42501";
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(LOG)).await;
    log.append(vec![write(&new_stream(), 0, &events(2))]).await.unwrap();
    for sql in [
        "update events set data = ''",
        "delete from events",
        "truncate events",
        "drop table events",
        "alter table events disable trigger all",
        "update log_head set log_id = ''",
        "delete from log_head",
        "insert into log_head (log_id, position) values ('', 0)",
        "delete from sequences",
        "delete from _sqlx_migrations",
        "create table more (one integer)",
    ] {
        let error = sqlx::query(sql).execute(log.database.pool()).await.unwrap_err();
        let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default().into_owned();
        assert_eq!(code, FORBIDDEN, "{sql}: {error}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn events_are_for_good_whoever_owns_them() {
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(OWNER)).await;
    log.append(vec![write(&new_stream(), 0, &events(2))]).await.unwrap();
    for sql in ["update events set data = ''", "delete from events", "truncate events"] {
        let error = sqlx::query(sql).execute(log.database.pool()).await.unwrap_err();
        assert!(error.to_string().contains("events are neither changed nor deleted"), "{sql}: {error}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_was_acknowledged_is_there_after_a_restart_under_the_same_log_id() {
    let database = made(Postgres::shared()).await;
    let (stream, written) = (new_stream(), events(2));
    let before = open(&database.url(LOG)).await;
    let position = before.append(vec![write(&stream, 0, &written)]).await.unwrap();
    let (name, dealt) = (before.log_id().to_owned(), before.next_in_sequence("pk").await.unwrap());
    drop(before);

    let after = open(&database.url(LOG)).await;
    assert_eq!((after.log_id(), name.len()), (name.as_str(), 8));
    assert_eq!(after.head().await.unwrap(), position);
    assert_eq!(*after.grown().borrow(), position);
    let found = after.read_stream(&stream, 0).await.unwrap();
    assert_eq!(found.into_iter().map(|found| found.event).collect::<Vec<_>>(), written);
    assert_eq!((dealt, after.next_in_sequence("pk").await.unwrap()), (Some(1), Some(2)));
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn text_that_postgresql_can_not_keep_is_refused_and_harms_no_one_else() {
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(LOG)).await;
    let (odd, sound) = (new_stream(), new_stream());
    let (refused, taken) = tokio::join!(
        log.append(vec![write(&odd, 0, &[event("\"\0\"")])]),
        log.append(vec![write(&sound, 0, &events(1))])
    );
    assert!(matches!(refused, Err(StoreError::Unwritable { stream, .. }) if stream == odd));
    assert_eq!(taken.unwrap(), Position(1));
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn streams_are_found_by_their_index_before_the_server_knows_anything_of_the_log() {
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(LOG)).await;
    for _ in 0..5 {
        let writes = (0..1000).map(|_| write(&new_stream(), 0, &events(2))).collect();
        log.append(writes).await.unwrap();
    }
    let streams: Vec<String> = (0..30).map(|_| new_stream().to_string()).collect();
    let mut session = log.database.connection().await.unwrap();
    // As behind a pooler.
    sqlx::raw_sql("set enable_seqscan = on").execute(&mut session).await.unwrap();
    let explain = sqlx::query(AssertSqlSafe(format!("explain {}", streams::READ)));
    let explain = explain.bind(&streams).bind(vec![0_i64; streams.len()]);
    let rows = explain.fetch_all(&mut session).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("events_by_stream") && !plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn reads_of_streams_are_not_planned_each_time() {
    const PLANS: &str = "select generic_plans from pg_prepared_statements where statement = $1";
    let database = made(Postgres::shared()).await;
    let log = open(&database.url(LOG)).await;
    let mut session = log.database.connection().await.unwrap();
    for count in 1..=8 {
        let read = sqlx::query(streams::READ).bind(vec!["user-1"; count]).bind(vec![0_i64; count]);
        assert!(read.fetch_all(&mut session).await.unwrap().is_empty());
    }
    let plans = sqlx::query_scalar(PLANS).bind(streams::READ).fetch_one(&mut session).await;
    assert!(plans.is_ok_and(|plans: i64| plans >= 1), "as often as anything was asked");
}
