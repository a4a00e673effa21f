//! A server's home whose databases are on PostgreSQL: owners make the tables, and the server has the rights that the manual
//! grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres, TestDatabase, VAULT, VIEWS},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");
const STORE_LOG: &str = "STELE_STORE__LOG";
const STORE_VIEWS: &str = "STELE_STORE__VIEWS";
const STORE_VAULT: &str = "STELE_STORE__VAULT";

/// The servers that databases are on.
pub(crate) struct Servers<'s> {
    pub(crate) log: &'s Postgres,
    pub(crate) views: &'s Postgres,
    pub(crate) vault: &'s Postgres,
}

impl<'s> Servers<'s> {
    /// All of them on one.
    pub(crate) const fn all(server: &'s Postgres) -> Self {
        Self { log: server, views: server, vault: server }
    }
}

impl Home {
    /// As [`Home::new`], with databases of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        Self::on(&Servers::all(Postgres::shared()), env)
    }

    pub(crate) fn on(servers: &Servers<'_>, env: &[(&str, &str)]) -> Self {
        Self::made(servers, env, TestDatabase::url)
    }

    /// As [`Home::on_postgres`], behind this server's pooler.
    pub(crate) fn behind_a_pooler(postgres: &Postgres) -> Self {
        Self::made(&Servers::all(postgres), &[], TestDatabase::pooled_url)
    }

    /// As [`Home::new`], with the master key that backends beyond this machine want.
    pub(crate) fn keyed(env: &[(&str, &str)]) -> Self {
        Self::new(&[&[MASTER_KEY], env].concat())
    }

    fn made<'s>(
        servers: &Servers<'s>,
        env: &[(&str, &str)],
        url: impl Fn(&TestDatabase<'s>, &str) -> String,
    ) -> Self {
        let mut home = Self::keyed(env);
        let (log, vault) = (servers.log.database(), servers.vault.database());
        let views = servers.views.database();
        views.grant("views");
        home.set(STORE_VIEWS, &url(&views, VIEWS));
        let owned = [(STORE_LOG, url(&log, OWNER)), (STORE_VAULT, url(&vault, OWNER))];
        home.run_with(&owned.each_ref().map(|(setting, url)| (*setting, url.as_str())), &["migrate"])
            .succeeded();
        log.grant("log");
        home.set(STORE_LOG, &url(&log, LOG));
        vault.grant("vault");
        home.set(STORE_VAULT, &url(&vault, VAULT));
        home
    }
}
