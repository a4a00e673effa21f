//! A server's home whose log and vault are on PostgreSQL: their owner makes the tables, and the server has the rights that the
//! manual grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres, TestDatabase, VAULT},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");
const STORE_LOG: &str = "STELE_STORE__LOG";
const STORE_VAULT: &str = "STELE_STORE__VAULT";

impl Home {
    /// As [`Home::new`], with databases of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        Self::on(Postgres::shared(), Postgres::shared(), env)
    }

    /// The same, on the server that is for the log and the one that is for the vault.
    pub(crate) fn on(log: &Postgres, vault: &Postgres, env: &[(&str, &str)]) -> Self {
        Self::made(&log.database(), &vault.database(), env, TestDatabase::url)
    }

    /// As [`Home::on_postgres`], behind this server's pooler.
    pub(crate) fn behind_a_pooler(postgres: &Postgres) -> Self {
        Self::made(&postgres.database(), &postgres.database(), &[], TestDatabase::pooled_url)
    }

    /// As [`Home::new`], with the master key that backends beyond this machine want.
    pub(crate) fn keyed(env: &[(&str, &str)]) -> Self {
        Self::new(&[&[MASTER_KEY], env].concat())
    }

    fn made<'d>(
        log: &TestDatabase<'d>,
        vault: &TestDatabase<'d>,
        env: &[(&str, &str)],
        url: impl Fn(&TestDatabase<'d>, &str) -> String,
    ) -> Self {
        let mut home = Self::keyed(env);
        let owned = [(STORE_LOG, url(log, OWNER)), (STORE_VAULT, url(vault, OWNER))];
        home.run_with(&owned.each_ref().map(|(setting, url)| (*setting, url.as_str())), &["migrate"])
            .succeeded();
        log.grant("log");
        home.set(STORE_LOG, &url(log, LOG));
        vault.grant("vault");
        home.set(STORE_VAULT, &url(vault, VAULT));
        home
    }
}
