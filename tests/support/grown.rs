//! A server's home whose log is on PostgreSQL: its owner makes the tables, and the server has the rights that the manual grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");
const STORE_LOG: &str = "STELE_STORE__LOG";

impl Home {
    /// As [`Home::new`], with a database of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        let database = Postgres::shared().database();
        let mut home = Self::new(&[&[MASTER_KEY], env].concat());
        home.run_with(&[(STORE_LOG, &database.url(OWNER))], &["migrate"]).succeeded();
        database.grant("log");
        home.set(STORE_LOG, &database.url(LOG));
        home
    }
}
