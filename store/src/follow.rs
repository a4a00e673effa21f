//! Followers read the log in order and keep their place: one leader for each role, by a lease whose epoch fences off a
//! leader that lost it. Knows when to hand out events, not what is done with them.

mod desk;
mod hold;
mod leading;
mod listeners;
mod origin;
mod reached;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use crate::{Cause, Recorded};
pub use desk::{Desk, Lease, Settled, Standing, Tenure};
pub use leading::{follow, woken};
pub use listeners::Listener;
pub use origin::Origin;
pub use reached::Reached;

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("the lease of {0} is someone else's now")]
    LeaseLost(String),
    #[error("the database of the read models can't be used")]
    Views(#[from] sqlx::Error),
    #[error("the follower can't go on")]
    Stuck(#[source] Cause),
}

/// One who takes every event in order, and writes down how far he came together with what he did.
#[async_trait]
pub trait Follower: Send {
    fn role(&self) -> &str;

    /// Takes a batch, and advances the lease to its last position together with what it writes. Where a batch concerned nobody
    /// the place may be written later: whoever leads next looks at it again. Called again with the same batch after an error.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError>;

    /// Called about once a second while there is nothing new.
    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        Ok(())
    }
}
