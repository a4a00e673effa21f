//! A server's home whose log and vault are on PostgreSQL: their owner makes the tables, and the server has the rights that the
//! manual grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres, TestDatabase, VAULT},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");

impl Home {
    /// As [`Home::new`], with databases of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        Self::on(Postgres::shared(), Postgres::shared(), env)
    }

    /// The same, on the server that is for the log and the one that is for the vault.
    pub(crate) fn on(log: &Postgres, vault: &Postgres, env: &[(&str, &str)]) -> Self {
        Self::made(&log.database(), &vault.database(), env, TestDatabase::url)
    }

    /// As [`Home::on_postgres`], with the log behind this server's pooler.
    pub(crate) fn behind_a_pooler(postgres: &Postgres) -> Self {
        Self::made(&postgres.database(), &Postgres::shared().database(), &[], |log, role| {
            log.pooled_url(role)
        })
    }

    /// As [`Home::new`], with the master key that backends beyond this machine want.
    pub(crate) fn keyed(env: &[(&str, &str)]) -> Self {
        Self::new(&[&[MASTER_KEY], env].concat())
    }

    fn made(
        log: &TestDatabase<'_>,
        vault: &TestDatabase<'_>,
        env: &[(&str, &str)],
        log_url: impl Fn(&TestDatabase<'_>, &str) -> String,
    ) -> Self {
        let mut home = Self::keyed(env);
        let owned = [("STELE_STORE__LOG", log_url(log, OWNER)), ("STELE_STORE__VAULT", vault.url(OWNER))];
        home.run_with(&owned.each_ref().map(|(setting, url)| (*setting, url.as_str())), &["migrate"])
            .succeeded();
        log.grant("log");
        vault.grant("vault");
        home.set("STELE_STORE__LOG", &log_url(log, LOG));
        home.set("STELE_STORE__VAULT", &vault.url(VAULT));
        home
    }
}
