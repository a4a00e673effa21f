//! A server's home whose log and vault are on PostgreSQL: their owner makes the tables, and the server has the rights that the
//! manual grants.

use super::{
    Home,
    postgres::{LOG, OWNER, Postgres, VAULT},
};

const MASTER_KEY: (&str, &str) = ("STELE_VAULT__MASTER_KEY", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=");

impl Home {
    /// As [`Home::new`], with databases of its own on the server that all tests share.
    pub(crate) fn on_postgres(env: &[(&str, &str)]) -> Self {
        Self::on(Postgres::shared(), Postgres::shared(), env)
    }

    /// The same, on the server that is for the log and the one that is for the vault.
    pub(crate) fn on(log: &Postgres, vault: &Postgres, env: &[(&str, &str)]) -> Self {
        let databases = [
            ("STELE_STORE__LOG", log.database(), "log", LOG),
            ("STELE_STORE__VAULT", vault.database(), "vault", VAULT),
        ];
        let mut home = Self::new(&[&[MASTER_KEY], env].concat());
        let owned = databases.each_ref().map(|(setting, database, ..)| (*setting, database.url(OWNER)));
        home.run_with(&owned.each_ref().map(|(setting, url)| (*setting, url.as_str())), &["migrate"])
            .succeeded();
        for (setting, database, rights, role) in databases {
            database.grant(rights);
            home.set(setting, &database.url(role));
        }
        home
    }
}
