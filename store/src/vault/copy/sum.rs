//! What a vault comes to: how many keys, and one checksum over all that is kept of each, in the order of their ids.

use sqlx::Error;

use super::{super::rows::KeyRows, Keys};
use crate::checksum::Checksum;

const VERSION: &str = "stele vault 1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Data keys; those that were destroyed count, as their tombstones are kept.
    pub keys: u64,
    /// Keys that nodes share.
    pub shared: u64,
    /// SHA-256, in hex.
    pub checksum: String,
}

impl Sum {
    pub(super) async fn of(rows: &dyn KeyRows) -> Result<Self, Error> {
        let mut checksum = Checksum::of(VERSION);
        let mut shared = rows.node_keys().await?;
        shared.sort_by(|one, other| one.id.cmp(&other.id));
        for key in &shared {
            for text in [&key.id, &key.purpose, &key.algorithm] {
                checksum.bytes(text.as_bytes());
            }
            checksum.bytes(&key.wrapped);
            checksum.number(key.created_at.0);
            checksum.optional(key.retired_at.map(|at| at.0.to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice));
        }
        let (mut data, mut keys) = (Keys::of(rows), 0);
        while let Some(key) = data.next().await? {
            checksum.bytes(key.id.0.as_bytes());
            checksum.optional(key.wrapped.as_deref());
            checksum.number(key.created_at.0);
            let destroyed = key.destroyed.as_ref();
            checksum.optional(destroyed.map(|(at, _)| at.0.to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice));
            checksum.optional(destroyed.map(|(_, why)| why.as_bytes()));
            keys += 1;
        }
        Ok(Self { keys, shared: shared.len() as u64, checksum: checksum.finish() })
    }
}
