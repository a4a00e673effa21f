//! A server's home whose log is on PostgreSQL: its owner makes the tables, and the server has the rights that the manual grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres, TestDatabase},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");
const STORE_LOG: &str = "STELE_STORE__LOG";

impl Home {
    /// As [`Home::new`], with a database of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        Self::on(Postgres::shared(), env)
    }

    /// As [`Home::new`], with a database of its own on this server.
    pub(crate) fn on(postgres: &Postgres, env: &[(&str, &str)]) -> Self {
        let database = postgres.database();
        Self::made(&database, env, |role| database.url(role))
    }

    /// The same behind this server's pooler.
    pub(crate) fn behind_a_pooler(postgres: &Postgres) -> Self {
        let database = postgres.database();
        Self::made(&database, &[], |role| database.pooled_url(role))
    }

    /// As [`Home::new`], with the master key that backends beyond this machine want.
    pub(crate) fn keyed(env: &[(&str, &str)]) -> Self {
        Self::new(&[&[MASTER_KEY], env].concat())
    }

    fn made(database: &TestDatabase<'_>, env: &[(&str, &str)], url: impl Fn(&str) -> String) -> Self {
        let mut home = Self::keyed(env);
        home.run_with(&[(STORE_LOG, &url(OWNER))], &["migrate"]).succeeded();
        database.grant("log");
        home.set(STORE_LOG, &url(LOG));
        home
    }
}
