//! Makes one vault the same as another, key by key, as they are wrapped: without the master key, and without opening any. A vault that
//! is not all there is bound to no log, so that nobody goes by it.

mod keys;
mod sum;
#[cfg(test)]
mod tests;

use std::path::Path;

use domain::KeyId;

use super::{
    VaultError,
    postgres::PostgresRows,
    rows::{HeldNodeKey, KeyRows},
    sqlite::SqliteRows,
    unavailable,
};
use crate::{
    postgres::{OpenError as ServerError, Safety, Url},
    sqlite::{self, OpenError, Role},
};
use keys::Keys;
pub use sum::Sum;

/// How many keys are read and written at once.
const PAGE: u32 = 1000;

/// The rows of a vault, for those who copy them.
pub struct VaultRows(Box<dyn KeyRows>);

/// One vault on its way into another.
pub struct Copy<'a> {
    pub from: &'a VaultRows,
    pub to: &'a VaultRows,
    /// Told how many data keys were copied.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What came of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub log_id: String,
    pub source: Sum,
    pub target: Sum,
}

impl Copied {
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the source belongs to no log: it is new, or a copy itself that was not finished")]
    Unbound,
    #[error("the target belongs to log {target}, and the source to log {source_log}; give one that is new")]
    OfAnotherLog { target: String, source_log: String },
    #[error("the target is no copy of the source: it holds a key of its own, {0}; give one that is new")]
    AnotherKey(String),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl VaultRows {
    /// Opens a vault in a SQLite file that is there already, and changes nothing in it.
    pub async fn inspect_file(path: &Path) -> Result<Self, OpenError> {
        Ok(Self(Box::new(SqliteRows(sqlite::inspect(path, Role::Vault).await?))))
    }

    /// Opens or makes it.
    pub async fn open_file(path: &Path) -> Result<Self, OpenError> {
        Ok(Self(Box::new(SqliteRows(sqlite::open(path, Role::Vault, 1).await?))))
    }

    /// Opens a vault on PostgreSQL that is there already, and changes nothing in it.
    pub async fn inspect_url(url: &Url) -> Result<Self, ServerError> {
        Ok(Self(Box::new(PostgresRows::inspect(url).await?)))
    }

    /// Opens or makes it.
    pub async fn open_url(url: &Url, safety: Safety) -> Result<Self, ServerError> {
        Ok(Self(Box::new(PostgresRows::open_alone(url, safety).await?)))
    }

    /// How many data keys there are, destroyed ones too.
    pub async fn count(&self) -> Result<u64, VaultError> {
        self.0.count().await.map_err(unavailable)
    }

    /// Who else is connected, by name, as far as the engine can tell.
    pub async fn others(&self) -> Result<Vec<String>, VaultError> {
        self.0.others().await.map_err(unavailable)
    }
}

impl Copy<'_> {
    /// Copies all keys, reads both vaults back, and answers what they come to; if that is the same, the target belongs to the
    /// source's log from here on. Nothing is written to a target that holds anything else. Nobody may write to the source
    /// meanwhile.
    pub async fn run(&self) -> Result<Copied, CopyError> {
        let (from, to) = (self.from.0.as_ref(), self.to.0.as_ref());
        let log_id = from.log_id().await.map_err(unavailable)?.ok_or(CopyError::Unbound)?;
        self.compare(&log_id).await?;
        for key in from.node_keys().await.map_err(unavailable)? {
            to.add_node_key(&key).await.map_err(unavailable)?;
            if let Some(at) = key.retired_at {
                to.retire_node_key(&key.id, at).await.map_err(unavailable)?;
            }
        }
        self.carry().await?;
        let (source, target) = tokio::try_join!(Sum::of(from), Sum::of(to)).map_err(unavailable)?;
        let copied = Copied { log_id, source, target };
        if copied.is_same() {
            to.bind(&copied.log_id).await.map_err(unavailable)?;
        }
        Ok(copied)
    }

    /// Makes sure that the target holds nothing that the source has not.
    async fn compare(&self, log_id: &str) -> Result<(), CopyError> {
        let (from, to) = (self.from.0.as_ref(), self.to.0.as_ref());
        if let Some(target) = to.log_id().await.map_err(unavailable)?.filter(|target| target != log_id) {
            return Err(CopyError::OfAnotherLog { target, source_log: log_id.to_owned() });
        }
        let shared = from.node_keys().await.map_err(unavailable)?;
        let is_new = |key: &HeldNodeKey| !shared.iter().any(|other| key.is_earlier_state_of(other));
        if let Some(stray) = to.node_keys().await.map_err(unavailable)?.into_iter().find(is_new) {
            return Err(CopyError::AnotherKey(stray.id));
        }
        let (mut source, mut target) = (Keys::of(from), Keys::of(to));
        while let Some(held) = target.next().await.map_err(unavailable)? {
            let found = source.seek(&held.id).await.map_err(unavailable)?;
            if !found.is_some_and(|key| held.is_earlier_state_of(&key)) {
                return Err(CopyError::AnotherKey(held.id.0));
            }
        }
        Ok(())
    }

    async fn carry(&self) -> Result<(), VaultError> {
        let (from, to) = (self.from.0.as_ref(), self.to.0.as_ref());
        let (mut last, mut done) = (KeyId(String::new()), 0);
        loop {
            let page = from.kept(&last, PAGE).await.map_err(unavailable)?;
            let Some(end) = page.last() else { return Ok(()) };
            last = end.id.clone();
            to.keep(&page).await.map_err(unavailable)?;
            done += page.len() as u64;
            (self.progress)(done);
        }
    }
}
