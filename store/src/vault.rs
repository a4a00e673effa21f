//! The vault: data keys that seal personal data, and the keys that nodes share, each wrapped by the master key.
//! Destroying a data key is how a person's data is destroyed everywhere it was written. Knows no event and no SQL.

mod at_hand;
#[cfg(test)]
mod contract;
pub mod copy;
mod crypt;
mod making;
mod postgres;
mod rows;
mod sqlite;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

use domain::{KeyId, Time};
use zeroize::Zeroizing;

pub(crate) use crypt::{open, seal};

use crate::{
    Cause, clock,
    durability::Durability,
    postgres::{OpenError as ServerError, Safety, Url},
    random,
    sqlite::{OpenError, Role},
    together::Together,
};
use at_hand::AtHand;
use making::Making;
use postgres::PostgresRows;
use rows::{FreshKey, HeldKey, HeldNodeKey, KeyRows};
use sqlite::SqliteRows;

/// How many keys are looked through at once for those that are old.
const PAGE: u32 = 500;

/// The key that wraps all others: 32 bytes.
#[derive(Clone)]
pub struct MasterKey(pub Zeroizing<[u8; 32]>);

/// A key under which values are sealed.
pub(crate) type DataKey = Zeroizing<[u8; 32]>;

/// Why a data key was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroyed {
    /// A newer one took its place: that of an older password hash.
    Superseded,
    Erased,
    Retention,
}

impl Destroyed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Erased => "erased",
            Self::Retention => "retention",
        }
    }
}

/// A key that nodes share, out of its wrapping.
pub struct NodeKey {
    pub id: String,
    pub purpose: String,
    pub algorithm: String,
    pub material: Zeroizing<Vec<u8>>,
    pub created_at: Time,
    pub retired_at: Option<Time>,
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault can't be reached")]
    Unavailable(#[source] Cause),
    #[error("the master key does not fit this vault: key {id} can't be unwrapped")]
    WrongMasterKey { id: String },
    #[error("key {0} was destroyed and is never used again")]
    Destroyed(KeyId),
    #[error(
        "key {0} is missing, and nothing says that it was destroyed: the vault is older than the log, or damaged"
    )]
    Missing(KeyId),
}

/// The vault, in whichever database its rows are.
pub struct Vault {
    rows: Arc<dyn KeyRows>,
    /// New keys go to the rows this way, those of many callers in one commit.
    making: Together<Making>,
    master: MasterKey,
    at_hand: AtHand,
}

impl Vault {
    /// Opens the vault in a SQLite file, making and migrating it where needed.
    pub async fn open_file(path: &Path, master: MasterKey) -> Result<Self, OpenError> {
        let pool = crate::sqlite::open(path, Role::Vault, 2).await?;
        Ok(Self::over(SqliteRows(pool), master))
    }

    /// Opens a vault that is there already, and changes nothing in it.
    pub async fn inspect_file(path: &Path, master: MasterKey) -> Result<Self, OpenError> {
        let pool = crate::sqlite::inspect(path, Role::Vault).await?;
        Ok(Self::over(SqliteRows(pool), master))
    }

    /// Opens the vault in a database on PostgreSQL, migrating it where needed and allowed.
    pub async fn open_url(url: &Url, safety: Safety, master: MasterKey) -> Result<Self, ServerError> {
        Ok(Self::over(PostgresRows::open(url, safety).await?, master))
    }

    /// Opens a vault on PostgreSQL as it is, to be looked at.
    pub async fn inspect_url(url: &Url, master: MasterKey) -> Result<Self, ServerError> {
        Ok(Self::over(PostgresRows::inspect(url).await?, master))
    }

    fn over(rows: impl KeyRows + 'static, master: MasterKey) -> Self {
        let rows: Arc<dyn KeyRows> = Arc::new(rows);
        // What comes up during one commit goes with the next: a second one at the same time would only wait for it.
        let making = Together::new(Making(Arc::clone(&rows)), 1);
        Self { rows, making, master, at_hand: AtHand::empty() }
    }

    /// The data keys of these ids, of which those that are new are made; all are durable when this returns.
    pub(crate) async fn keys_for_writing(
        &self,
        ids: &[KeyId],
    ) -> Result<HashMap<KeyId, DataKey>, VaultError> {
        let (mut keys, destroyed) = self.at_hand.of(ids);
        let missing: HashSet<&KeyId> = ids.iter().filter(|id| !keys.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let wish = missing.iter().map(|id| self.fresh_key(id)).collect();
        let kept = self.making.ask(wish).await.map_err(VaultError::Unavailable)?;
        let mut made = HashMap::new();
        for (id, wrapped) in kept {
            let wrapped = wrapped.ok_or_else(|| VaultError::Destroyed(id.clone()))?;
            let key = self.unwrapped(&id, &wrapped)?;
            made.insert(id, key);
        }
        if let Some(id) = missing.into_iter().find(|id| !made.contains_key(*id)) {
            return Err(VaultError::Missing(id.clone()));
        }
        self.at_hand.keep(&made, destroyed);
        keys.extend(made);
        Ok(keys)
    }

    /// The data keys of these ids; a destroyed one is left out, one that is missing without a tombstone is an error.
    pub(crate) async fn keys_for_reading(
        &self,
        ids: &[KeyId],
    ) -> Result<HashMap<KeyId, DataKey>, VaultError> {
        let (mut keys, destroyed) = self.at_hand.of(ids);
        let mut missing: HashSet<&KeyId> = ids.iter().filter(|id| !keys.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let asked: Vec<KeyId> = missing.iter().copied().cloned().collect();
        let mut found = HashMap::new();
        for HeldKey { id, wrapped } in self.rows.data_keys(&asked).await.map_err(unavailable)? {
            missing.remove(&id);
            if let Some(wrapped) = wrapped {
                found.insert(id.clone(), self.unwrapped(&id, &wrapped)?);
            }
        }
        if let Some(id) = missing.into_iter().next() {
            return Err(VaultError::Missing(id.clone()));
        }
        self.at_hand.keep(&found, destroyed);
        keys.extend(found);
        Ok(keys)
    }

    /// Destroys a data key for good; its tombstone says why. What it sealed reads as shredded from now on. How long its
    /// wrapped bytes stay on the disk is the engine's matter: SQLite overwrites them as soon as no other process reads an
    /// older state of the file.
    pub async fn destroy(&self, id: &KeyId, why: Destroyed) -> Result<(), VaultError> {
        let outcome = self.rows.destroy(id, why, clock::now()).await;
        // Also after an error, which may come when the tombstone stands.
        self.at_hand.lose(id);
        outcome.map_err(unavailable)
    }

    /// Some of the living keys whose id begins with `prefix` and comes after `last`, made within a span of time, in the
    /// order of their ids; none when there are no more.
    pub async fn aged_keys(
        &self,
        prefix: &str,
        made: Range<Time>,
        last: &KeyId,
    ) -> Result<Vec<KeyId>, VaultError> {
        self.rows.aged(prefix, made, last, PAGE).await.map_err(unavailable)
    }

    /// Binds the vault to a log, for good, unless it is bound already.
    pub async fn bind(&self, log_id: &str) -> Result<(), VaultError> {
        self.rows.bind(log_id).await.map_err(unavailable)
    }

    /// Which log the vault is bound to.
    pub async fn log_id(&self) -> Result<Option<String>, VaultError> {
        self.rows.log_id().await.map_err(unavailable)
    }

    /// Whether the vault can be reached.
    pub async fn check(&self) -> Result<(), VaultError> {
        self.rows.check().await.map_err(unavailable)
    }

    /// How far its database is to be trusted with what it acknowledges.
    pub async fn durability(&self) -> Result<Durability, VaultError> {
        self.rows.durability().await.map_err(unavailable)
    }

    /// Ends all connections, when their work is done. Nothing can be asked of the vault after that.
    pub async fn close(&self) {
        self.rows.close().await;
    }

    /// Every key that nodes share, oldest first.
    pub async fn node_keys(&self) -> Result<Vec<NodeKey>, VaultError> {
        let held = self.rows.node_keys().await.map_err(unavailable)?;
        held.into_iter().map(|key| self.node_key(key)).collect()
    }

    /// Adds a key that nodes share, unless one of that id is there.
    pub async fn add_node_key(&self, key: &NodeKey) -> Result<(), VaultError> {
        let context = node_context(&key.id, &key.purpose);
        let held = HeldNodeKey {
            id: key.id.clone(),
            purpose: key.purpose.clone(),
            algorithm: key.algorithm.clone(),
            wrapped: seal(&self.master.0, context.as_bytes(), &key.material),
            created_at: key.created_at,
            retired_at: key.retired_at,
        };
        self.rows.add_node_key(&held).await.map_err(unavailable)
    }

    /// Notes that a shared key makes nothing new any more.
    pub async fn retire_node_key(&self, id: &str, at: Time) -> Result<(), VaultError> {
        self.rows.retire_node_key(id, at).await.map_err(unavailable)
    }

    fn node_key(&self, held: HeldNodeKey) -> Result<NodeKey, VaultError> {
        let context = node_context(&held.id, &held.purpose);
        let material = open(&self.master.0, context.as_bytes(), &held.wrapped)
            .ok_or_else(|| VaultError::WrongMasterKey { id: held.id.clone() })?;
        Ok(NodeKey {
            id: held.id,
            purpose: held.purpose,
            algorithm: held.algorithm,
            material: Zeroizing::new(material),
            created_at: held.created_at,
            retired_at: held.retired_at,
        })
    }

    fn fresh_key(&self, id: &KeyId) -> FreshKey {
        let key: DataKey = Zeroizing::new(random::bytes());
        let wrapped = seal(&self.master.0, data_context(id).as_bytes(), key.as_slice());
        FreshKey { id: id.clone(), wrapped }
    }

    fn unwrapped(&self, id: &KeyId, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let wrong = || VaultError::WrongMasterKey { id: id.to_string() };
        let bytes = open(&self.master.0, data_context(id).as_bytes(), wrapped).ok_or_else(wrong)?;
        Ok(Zeroizing::new(bytes.try_into().map_err(|_| wrong())?))
    }
}

fn unavailable(error: sqlx::Error) -> VaultError {
    VaultError::Unavailable(error.into())
}

fn data_context(id: &KeyId) -> String {
    format!("data key|{id}")
}

fn node_context(id: &str, purpose: &str) -> String {
    format!("node key|{purpose}|{id}")
}
