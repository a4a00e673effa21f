//! A server's home whose databases are on PostgreSQL: owners make the tables, and the server has the rights that the manual
//! grants.

use std::path::Path;

use super::{
    Home, Server,
    postgres::{LOG, OWNER, POOLER, Postgres, TestDatabase, VAULT, VIEWS, host},
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

/// One process for each list of roles, on the same databases.
pub(crate) async fn each<const N: usize>(home: &Home, roles: [&str; N]) -> [Server; N] {
    let mut servers = Vec::new();
    for roles in roles {
        servers.push(Server::at(home.with_roles(roles)).await);
    }
    servers.try_into().unwrap_or_else(|_| panic!("one for each"))
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

    /// The same place, for a process that reaches the databases without the pooler.
    pub(crate) fn past_the_pooler(&self) -> Self {
        let mut home = self.clone();
        for setting in [STORE_LOG, STORE_VIEWS, STORE_VAULT] {
            home.set(setting, &self.setting(setting).replace(POOLER.0, "").replace(POOLER.1, ""));
        }
        home
    }

    /// The same place, for a process that reaches the log by the socket in this folder.
    pub(crate) fn with_log_through(&self, folder: &Path) -> Self {
        let (mut home, url) = (self.clone(), self.setting(STORE_LOG));
        let (role, rest) = url.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        home.set(STORE_LOG, &format!("{role}@{}/{database}", host(folder)));
        home
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
