//! The vault: data keys that seal personal data, and the keys that nodes share, each wrapped by the master key.
//! Destroying a data key is how a person's data is destroyed everywhere it was written. Knows no event.

mod crypt;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    ops::Range,
    path::Path,
    sync::Mutex,
};

use domain::{KeyId, Time};
use lru::LruCache;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use zeroize::Zeroizing;

pub(crate) use crypt::{open, seal};

use crate::{
    clock, random,
    sqlite::{self, OpenError, Role},
};

/// How many data keys are kept at hand.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

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
    Unavailable(#[source] sqlx::Error),
    #[error("the master key does not fit this vault: key {id} can't be unwrapped")]
    WrongMasterKey { id: String },
    #[error("key {0} was destroyed and is never used again")]
    Destroyed(KeyId),
    #[error(
        "key {0} is missing, and nothing says that it was destroyed: the vault is older than the log, or damaged"
    )]
    Missing(KeyId),
}

/// The vault in one SQLite file.
pub struct Vault {
    rows: SqlitePool,
    master: MasterKey,
    at_hand: Mutex<AtHand>,
}

/// The keys that were used last, and how many were destroyed since the vault was opened: a key that was read before a
/// destruction and arrives after it might be the destroyed one.
struct AtHand {
    keys: LruCache<KeyId, DataKey>,
    destroyed: u64,
}

impl Vault {
    pub async fn open_file(path: &Path, master: MasterKey) -> Result<Self, OpenError> {
        Ok(Self::over(sqlite::open(path, Role::Vault, 2).await?, master))
    }

    /// The vault in a database that is open already.
    pub fn over(rows: SqlitePool, master: MasterKey) -> Self {
        let at_hand = Mutex::new(AtHand { keys: LruCache::new(REMEMBERED), destroyed: 0 });
        Self { rows, master, at_hand }
    }

    /// The data keys of these ids, of which those that are new are made; all are durable when this returns.
    pub(crate) async fn keys_for_writing(
        &self,
        ids: &[KeyId],
    ) -> Result<HashMap<KeyId, DataKey>, VaultError> {
        let (mut keys, destroyed) = self.remembered(ids);
        let missing: Vec<&KeyId> = ids.iter().filter(|id| !keys.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let mut transaction =
            self.rows.begin_with("begin immediate").await.map_err(VaultError::Unavailable)?;
        for id in missing {
            let fresh = self.wrap_data_key(id, &Zeroizing::new(random::bytes()));
            let row = sqlx::query(
                "insert into data_keys (id, wrapped, created_at) values (?, ?, ?) \
                 on conflict (id) do update set id = id returning wrapped",
            )
            .bind(&id.0)
            .bind(fresh)
            .bind(clock::now().0)
            .fetch_one(&mut *transaction)
            .await
            .map_err(VaultError::Unavailable)?;
            let key = self.unwrapped(id, &row)?.ok_or_else(|| VaultError::Destroyed(id.clone()))?;
            keys.insert(id.clone(), key);
        }
        transaction.commit().await.map_err(VaultError::Unavailable)?;
        self.remember(&keys, destroyed);
        Ok(keys)
    }

    /// The data keys of these ids; a destroyed one is left out, one that is missing without a tombstone is an error.
    pub(crate) async fn keys_for_reading(
        &self,
        ids: &[KeyId],
    ) -> Result<HashMap<KeyId, DataKey>, VaultError> {
        const SQL: &str = "select id, wrapped from data_keys where id in (select value from json_each(?))";
        let (mut keys, destroyed) = self.remembered(ids);
        let mut missing: HashSet<&str> =
            ids.iter().filter(|id| !keys.contains_key(*id)).map(|id| id.0.as_str()).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let asked = serde_json::json!(missing).to_string();
        let rows = sqlx::query(SQL).bind(asked).fetch_all(&self.rows).await;
        let mut found = HashMap::new();
        for row in rows.map_err(VaultError::Unavailable)? {
            let id = KeyId(row.try_get("id").map_err(VaultError::Unavailable)?);
            missing.remove(id.0.as_str());
            if let Some(key) = self.unwrapped(&id, &row)? {
                found.insert(id, key);
            }
        }
        if let Some(id) = missing.into_iter().next() {
            return Err(VaultError::Missing(KeyId(id.to_owned())));
        }
        self.remember(&found, destroyed);
        keys.extend(found);
        Ok(keys)
    }

    /// Destroys a data key for good; its tombstone says why. What it sealed reads as shredded from now on. Its wrapped
    /// bytes leave the files too, as soon as no other process reads an older state of them.
    pub async fn destroy(&self, id: &KeyId, why: Destroyed) -> Result<(), VaultError> {
        const SQL: &str = "insert into data_keys (id, created_at, destroyed_at, destroyed_because) values (?1, ?2, ?2, ?3) \
             on conflict (id) do update set wrapped = null, destroyed_at = ?2, destroyed_because = ?3 \
             where wrapped is not null";
        sqlx::query(SQL)
            .bind(&id.0)
            .bind(clock::now().0)
            .bind(why.as_str())
            .execute(&self.rows)
            .await
            .map_err(VaultError::Unavailable)?;
        if let Ok(mut at_hand) = self.at_hand.lock() {
            at_hand.keys.pop(id);
            at_hand.destroyed += 1;
        }
        self.forget_past().await
    }

    /// Empties SQLite's write-ahead log, which else keeps older states of the pages for a while.
    async fn forget_past(&self) -> Result<(), VaultError> {
        sqlx::query("pragma wal_checkpoint(truncate)")
            .execute(&self.rows)
            .await
            .map(drop)
            .map_err(VaultError::Unavailable)
    }

    /// At most 500 living keys whose id begins with `prefix` and comes after `last`, made within a span of time.
    pub async fn aged_keys(
        &self,
        prefix: &str,
        made: Range<Time>,
        last: &KeyId,
    ) -> Result<Vec<KeyId>, VaultError> {
        const SQL: &str = "select id from data_keys where id > ?1 and substr(id, 1, length(?2)) = ?2 \
             and wrapped is not null and created_at >= ?3 and created_at < ?4 order by id limit 500";
        let ids: Vec<String> = sqlx::query_scalar(SQL)
            .bind(&last.0)
            .bind(prefix)
            .bind(made.start.0)
            .bind(made.end.0)
            .fetch_all(&self.rows)
            .await
            .map_err(VaultError::Unavailable)?;
        Ok(ids.into_iter().map(KeyId).collect())
    }

    /// Binds the vault to a log, for good, unless it is bound already.
    pub async fn bind(&self, log_id: &str) -> Result<(), VaultError> {
        sqlx::query("insert or ignore into of_log (one, log_id) values (1, ?)")
            .bind(log_id)
            .execute(&self.rows)
            .await
            .map(drop)
            .map_err(VaultError::Unavailable)
    }

    /// Which log the vault is bound to.
    pub async fn log_id(&self) -> Result<Option<String>, VaultError> {
        sqlx::query_scalar("select log_id from of_log")
            .fetch_optional(&self.rows)
            .await
            .map_err(VaultError::Unavailable)
    }

    /// The database that the vault is in.
    pub const fn pool(&self) -> &SqlitePool {
        &self.rows
    }

    /// Whether the vault can be reached.
    pub async fn check(&self) -> Result<(), VaultError> {
        sqlx::query("select 1 from node_keys limit 1")
            .fetch_optional(&self.rows)
            .await
            .map(drop)
            .map_err(VaultError::Unavailable)
    }

    /// Every key that nodes share, oldest first.
    pub async fn node_keys(&self) -> Result<Vec<NodeKey>, VaultError> {
        const SQL: &str = "select id, purpose, algorithm, wrapped, created_at, retired_at from node_keys \
             order by created_at, id";
        let rows = sqlx::query(SQL).fetch_all(&self.rows).await.map_err(VaultError::Unavailable)?;
        rows.iter().map(|row| self.node_key(row)).collect()
    }

    /// Adds a key that nodes share, unless one of that id is there.
    pub async fn add_node_key(&self, key: &NodeKey) -> Result<(), VaultError> {
        const SQL: &str = "insert or ignore into node_keys (id, purpose, algorithm, wrapped, created_at) \
             values (?, ?, ?, ?, ?)";
        sqlx::query(SQL)
            .bind(&key.id)
            .bind(&key.purpose)
            .bind(&key.algorithm)
            .bind(seal(&self.master.0, node_context(&key.id, &key.purpose).as_bytes(), &key.material))
            .bind(key.created_at.0)
            .execute(&self.rows)
            .await
            .map_err(VaultError::Unavailable)?;
        Ok(())
    }

    /// Notes that a shared key makes nothing new any more.
    pub async fn retire_node_key(&self, id: &str, at: Time) -> Result<(), VaultError> {
        sqlx::query("update node_keys set retired_at = ? where id = ? and retired_at is null")
            .bind(at.0)
            .bind(id)
            .execute(&self.rows)
            .await
            .map_err(VaultError::Unavailable)?;
        Ok(())
    }

    fn node_key(&self, row: &SqliteRow) -> Result<NodeKey, VaultError> {
        let id: String = row.try_get("id").map_err(VaultError::Unavailable)?;
        let purpose: String = row.try_get("purpose").map_err(VaultError::Unavailable)?;
        let wrapped: &[u8] = row.try_get("wrapped").map_err(VaultError::Unavailable)?;
        let material = open(&self.master.0, node_context(&id, &purpose).as_bytes(), wrapped)
            .ok_or_else(|| VaultError::WrongMasterKey { id: id.clone() })?;
        Ok(NodeKey {
            algorithm: row.try_get("algorithm").map_err(VaultError::Unavailable)?,
            created_at: Time(row.try_get("created_at").map_err(VaultError::Unavailable)?),
            retired_at: row
                .try_get::<Option<i64>, _>("retired_at")
                .map_err(VaultError::Unavailable)?
                .map(Time),
            id,
            purpose,
            material: Zeroizing::new(material),
        })
    }

    fn wrap_data_key(&self, id: &KeyId, key: &DataKey) -> Vec<u8> {
        seal(&self.master.0, data_context(id).as_bytes(), key.as_slice())
    }

    fn unwrapped(&self, id: &KeyId, row: &SqliteRow) -> Result<Option<DataKey>, VaultError> {
        let wrapped: Option<&[u8]> = row.try_get("wrapped").map_err(VaultError::Unavailable)?;
        let Some(wrapped) = wrapped else { return Ok(None) };
        let wrong = || VaultError::WrongMasterKey { id: id.to_string() };
        let bytes = open(&self.master.0, data_context(id).as_bytes(), wrapped).ok_or_else(wrong)?;
        Ok(Some(Zeroizing::new(bytes.try_into().map_err(|_| wrong())?)))
    }

    /// Those of the keys that are at hand, and how many keys were destroyed up to now.
    fn remembered(&self, ids: &[KeyId]) -> (HashMap<KeyId, DataKey>, u64) {
        let Ok(mut at_hand) = self.at_hand.lock() else {
            return (HashMap::new(), 0);
        };
        let destroyed = at_hand.destroyed;
        let mut kept = |id: &KeyId| at_hand.keys.get(id).map(|key| (id.clone(), key.clone()));
        (ids.iter().filter_map(&mut kept).collect(), destroyed)
    }

    /// Keeps keys at hand, unless any was destroyed since `destroyed` were.
    fn remember(&self, keys: &HashMap<KeyId, DataKey>, destroyed: u64) {
        if let Ok(mut at_hand) = self.at_hand.lock()
            && at_hand.destroyed == destroyed
        {
            for (id, key) in keys {
                at_hand.keys.put(id.clone(), key.clone());
            }
        }
    }
}

fn data_context(id: &KeyId) -> String {
    format!("data key|{id}")
}

fn node_context(id: &str, purpose: &str) -> String {
    format!("node key|{purpose}|{id}")
}
