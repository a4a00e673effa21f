//! The vault on PostgreSQL under the contract, as the role that an operator grants the least, and what is its own: rows that
//! can't be deleted, older states that go, servers that are killed.

use std::{collections::HashMap, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::super::{MasterKey, Vault, VaultError, contract};
use super::*;
use crate::{
    clock,
    test_server::{OWNER, Postgres, TestDatabase, VAULT},
};

async fn vault(url: &str, master: u8) -> Vault {
    Vault::open_url(&url.parse().unwrap(), Safety::Required, MasterKey([master; 32].into())).await.unwrap()
}

/// A new vault, which only [`VAULT`] uses from here on.
async fn database(server: &Postgres) -> TestDatabase<'_> {
    let database = server.database();
    vault(&database.url(OWNER), 1).await.close().await;
    database.grant("vault");
    database
}

async fn rows(url: &str) -> PostgresRows {
    PostgresRows::inspect(&url.parse().unwrap()).await.unwrap()
}

fn key(name: &str) -> KeyId {
    KeyId(name.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_vault_keeps_the_contract() {
    for pooler in ["", "?pooler=transaction"] {
        let database = database(Postgres::shared()).await;
        let url = format!("{}{pooler}", database.url(VAULT));
        contract::hold(async |master| vault(&url, master).await).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_role_that_serves_deletes_nothing() {
    let database = database(Postgres::shared()).await;
    let rows = rows(&database.url(VAULT)).await;
    for table in ["data_keys", "node_keys", "of_log"] {
        let sql = sqlx::AssertSqlSafe(format!("delete from {table}"));
        let refused = sqlx::query(sql).execute(rows.0.pool()).await.unwrap_err();
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap();
        assert_eq!(code, "42501", "{table}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_key_of_a_node_whose_clock_was_set_back_is_not_old() {
    let database = database(Postgres::shared()).await;
    let rows = rows(&database.url(VAULT)).await;
    let fresh = FreshKey { id: key("user-1"), wrapped: vec![1; 72] };
    rows.add_data_keys(&[vec![fresh]], Time(0)).await.unwrap();
    let old = Time(0)..Time(clock::now().0 - 60_000_000);
    assert_eq!(rows.aged("user-", old, &key(""), 1).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn older_states_go_as_soon_as_the_server_looks_for_them() {
    const VACUUMED: &str = "select count(*) from pg_stat_user_tables \
         where relname = 'data_keys' and last_autovacuum is not null and n_dead_tup = 0";
    let server = Postgres::start();
    server.set("autovacuum_naptime = 1s");
    server.stop();
    server.begin();
    let database = database(&server).await;
    let vault = vault(&database.url(VAULT), 1).await;
    let ids: Vec<KeyId> = (0..100).map(|number| key(&format!("user-{number}"))).collect();
    vault.keys_for_writing(&ids).await.unwrap();
    vault.destroy(&ids[50], Destroyed::Erased).await.unwrap();
    let rows = rows(&database.url(VAULT)).await;
    let end = Instant::now() + Duration::from_mins(1);
    while rows.0.one::<i64>(|| rows.0.query(VACUUMED)).await.unwrap() == 0 {
        assert!(Instant::now() < end, "one destroyed key among many is vacuumed away");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn keys_that_were_answered_outlive_a_server_that_is_killed() {
    let server = Postgres::start();
    let database = database(&server).await;
    let url = database.url(VAULT);
    for round in 0..3 {
        let mut making = JoinSet::new();
        let (tell, mut told) = watch::channel(0);
        for caller in 0..8 {
            let (vault, tell) = (vault(&url, 1).await, tell.clone());
            making.spawn(async move {
                let mut made = HashMap::new();
                for number in 0.. {
                    let ids = [
                        key(&format!("user-{round}-{number}")),
                        key(&format!("session-{round}-{caller}-{number}")),
                    ];
                    match vault.keys_for_writing(&ids).await {
                        Ok(keys) => made.extend(keys),
                        Err(VaultError::Unavailable(_)) => break,
                        Err(error) => panic!("{error}"),
                    }
                    tell.send_modify(|made| *made += 1);
                }
                made
            });
        }
        drop(tell);
        let many = told.wait_for(|made| *made > 200);
        drop(timeout(Duration::from_mins(1), many).await.expect("keys are made").unwrap());
        server.kill();
        let made: Vec<_> = making.join_all().await;
        server.begin();
        let vault = vault(&url, 1).await;
        for made in made {
            let ids: Vec<KeyId> = made.keys().cloned().collect();
            assert_eq!(vault.keys_for_reading(&ids).await.unwrap(), made);
        }
    }
}
