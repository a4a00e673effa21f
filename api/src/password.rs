//! Passwords: the rules that a new one must obey, the strings in which they are stored, and the threads that hash them.
//! Must not know users, requests or the log.

mod arena;
mod blocklist;
mod digits;
mod encoded;
mod likeness;
mod pool;
mod rules;

pub use crate::form::Secret;
pub use encoded::{EncodedError, Verdict};
pub use pool::{Busy, HashPool, PoolCounts, PoolError, PoolLimits, Seat};
pub use rules::check;
