//! What a part of Stele is kept in while it is measured: a SQLite file, or a database on a PostgreSQL server that the bench starts
//! and that ends with it. Knows nothing of what is measured.

#[expect(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "tests use the rest, and so begin")]
#[path = "../tests/support/postgres.rs"]
mod server;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use server::{OWNER, Postgres};
use store::{
    EventLog, MasterKey, Vault,
    log::{PostgresLog, SqliteLog},
    postgres::{Safety, Url},
};

use crate::failed::Outcome;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// What is said to `./bench` for it, if it is not what is measured on without a word.
    pub(crate) const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("postgres"),
        }
    }

    /// A place for a database that is not there yet; as a file it has this name in this folder.
    pub(crate) fn place(self, folder: &Path, name: &str) -> Place {
        match self {
            Self::Sqlite => Place::File(folder.join(name).with_extension("db")),
            Self::Postgres => Place::Server(Postgres::shared().database().url(OWNER)),
        }
    }
}

/// Where one database is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(PathBuf),
    /// The URL under which its owner logs in.
    Server(String),
}

impl Place {
    /// As it is named in the settings.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server(url) => url.clone(),
        }
    }

    /// The log that is here, made where there is none.
    pub(crate) async fn log(&self) -> Outcome<Arc<dyn EventLog>> {
        Ok(match self {
            Self::File(path) => Arc::new(SqliteLog::open(path).await?),
            Self::Server(url) => Arc::new(PostgresLog::open(&url.parse::<Url>()?, Safety::Required).await?),
        })
    }

    /// The vault that is here, made where there is none.
    pub(crate) async fn vault(&self, master: MasterKey) -> Outcome<Vault> {
        Ok(match self {
            Self::File(path) => Vault::open_file(path, master).await?,
            Self::Server(url) => Vault::open_url(&url.parse()?, Safety::Required, master).await?,
        })
    }
}
