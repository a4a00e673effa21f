//! What Stele keeps: the log of events behind a port, the vault of keys, and the followers' leases and checkpoints.
//! Knows the shape of events and streams, and no rule about what they mean.

mod cause;
mod checksum;
pub mod clock;
pub mod durability;
pub mod folded;
pub mod follow;
pub mod journal;
pub mod link;
pub mod log;
pub mod mac;
mod migrations;
pub mod node_keys;
pub mod postgres;
pub mod private_file;
pub mod random;
mod seal;
pub mod sqlite;
#[cfg(test)]
#[expect(dead_code, reason = "these tests fill no disk")]
#[path = "../../tests/support/postgres.rs"]
mod test_server;
pub mod ticket;
pub mod together;
pub mod vault;
pub mod views;

pub use cause::{Cause, chain};
pub use folded::Folded;
pub use journal::{Change, Context, ExecuteError, Executed, Journal, Loaded, Seals};
pub use log::{EventLog, NewEvent, Position, Recorded, StoreError, StreamId, Write};
pub use vault::{MasterKey, Vault, VaultError};
