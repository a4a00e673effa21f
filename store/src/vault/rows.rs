//! The port between the vault and the database that its rows are in: what every engine promises. Only wrapped keys pass
//! through it; it knows neither the master key nor what a key is for.

use std::ops::Range;

use async_trait::async_trait;
use domain::{KeyId, Time};
use sqlx::Error;

use super::Destroyed;
use crate::durability::Durability;

/// A data key as it is kept.
pub(super) struct HeldKey {
    pub(super) id: KeyId,
    /// None is a tombstone: the key was destroyed.
    pub(super) wrapped: Option<Vec<u8>>,
}

/// A data key with all that is kept of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeptKey {
    pub(super) id: KeyId,
    /// None is a tombstone.
    pub(super) wrapped: Option<Vec<u8>>,
    pub(super) created_at: Time,
    /// When it was destroyed, and why.
    pub(super) destroyed: Option<(Time, String)>,
}

impl KeptKey {
    /// Whether the other is the same key, as it is or destroyed since.
    pub(super) fn is_earlier_state_of(&self, other: &Self) -> bool {
        let destroyed_since = other.destroyed.is_some() && self.destroyed.is_none();
        self == other || (destroyed_since && self.id == other.id && self.created_at == other.created_at)
    }
}

/// A new data key for an id that may have one already.
pub(super) struct FreshKey {
    pub(super) id: KeyId,
    pub(super) wrapped: Vec<u8>,
}

/// A key that nodes share, as it is kept.
pub(super) struct HeldNodeKey {
    pub(super) id: String,
    pub(super) purpose: String,
    pub(super) algorithm: String,
    pub(super) wrapped: Vec<u8>,
    pub(super) created_at: Time,
    pub(super) retired_at: Option<Time>,
}

impl HeldNodeKey {
    /// Whether the other is the same key, as it is or retired since.
    pub(super) fn is_earlier_state_of(&self, other: &Self) -> bool {
        let known = (&other.id, &other.purpose, &other.algorithm, &other.wrapped, other.created_at);
        known == (&self.id, &self.purpose, &self.algorithm, &self.wrapped, self.created_at)
            && (self.retired_at.is_none() || self.retired_at == other.retired_at)
    }
}

/// The rows of a vault. What a call wrote is durable when it returns, and any number of processes may call at once.
#[async_trait]
pub(super) trait KeyRows: Send + Sync {
    /// What is kept of these data keys: nothing of an id that has neither key nor tombstone.
    async fn data_keys(&self, ids: &[KeyId]) -> Result<Vec<HeldKey>, Error>;

    /// Adds the keys whose ids have neither key nor tombstone, and answers those that it added. Of several wishes for one id any
    /// one may be granted. Where an id has a tombstone, nothing of the same wish is added.
    async fn add_data_keys(&self, wishes: &[Vec<FreshKey>], now: Time) -> Result<Vec<HeldKey>, Error>;

    /// Puts a tombstone in a data key's place, whether there was one or not. An older tombstone stays as it is.
    async fn destroy(&self, id: &KeyId, why: Destroyed, now: Time) -> Result<(), Error>;

    /// At most `limit` living data keys whose id begins with `prefix` and comes after `last`, made within a span of time,
    /// in the order of their ids.
    async fn aged(
        &self,
        prefix: &str,
        made: Range<Time>,
        last: &KeyId,
        limit: u32,
    ) -> Result<Vec<KeyId>, Error>;

    /// At most `limit` data keys, tombstones too, whose ids come after `last`, in the order of their bytes.
    async fn kept(&self, last: &KeyId, limit: u32) -> Result<Vec<KeptKey>, Error>;

    /// How many data keys there are, tombstones too.
    async fn count(&self) -> Result<u64, Error>;

    /// Keeps these keys as they are. One that is kept already does not change, unless this is its tombstone.
    async fn keep(&self, keys: &[KeptKey]) -> Result<(), Error>;

    /// Every key that nodes share, oldest first.
    async fn node_keys(&self) -> Result<Vec<HeldNodeKey>, Error>;

    /// Adds a key that nodes share, unless one of that id is kept.
    async fn add_node_key(&self, key: &HeldNodeKey) -> Result<(), Error>;

    /// Notes when a shared key was retired, unless it was before.
    async fn retire_node_key(&self, id: &str, at: Time) -> Result<(), Error>;

    /// Binds the rows to a log, unless they are bound already.
    async fn bind(&self, log_id: &str) -> Result<(), Error>;

    /// Which log the rows are bound to.
    async fn log_id(&self) -> Result<Option<String>, Error>;

    /// Whether the rows can be read.
    async fn check(&self) -> Result<(), Error>;

    /// How far the database is to be trusted with what it acknowledges.
    async fn durability(&self) -> Result<Durability, Error>;

    /// Who else is connected, by name, as far as the engine can tell; to be asked of rows with one connection.
    async fn others(&self) -> Result<Vec<String>, Error>;

    /// Ends all connections, when their work is done.
    async fn close(&self);
}
