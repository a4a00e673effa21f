//! The PostgreSQL log under the contract, as the role with the least rights, and what is its own: servers that are killed, locks that
//! are held, poolers, and what a role may not do.

use std::sync::Arc;

use super::{
    super::contract::{self, Appends, event, events, new_stream, write},
    *,
};
use crate::test_server::{LOG, OWNER, Postgres, TestDatabase};

/// A log made by its owner, whose rights are granted as the manual says.
async fn made<'s>(server: &'s Postgres) -> TestDatabase<'s> {
    let database = server.database();
    drop(open(&database, OWNER, "").await);
    database.grant("log");
    database
}

async fn open(database: &TestDatabase<'_>, role: &str, parameters: &str) -> PostgresLog {
    let url = format!("{}{parameters}", database.url(role)).parse().unwrap();
    PostgresLog::open(&url, Safety::Required).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_log_keeps_the_contract() {
    let database = made(Postgres::shared()).await;
    contract::hold(Appends::InOneTransaction, async || {
        let log: Arc<dyn EventLog> = Arc::new(open(&database, LOG, "").await);
        log
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_log_keeps_the_contract_without_sessions() {
    let database = made(Postgres::shared()).await;
    contract::hold(Appends::InOneTransaction, async || {
        let log: Arc<dyn EventLog> = Arc::new(open(&database, LOG, "?pooler=transaction").await);
        log
    })
    .await;
}
