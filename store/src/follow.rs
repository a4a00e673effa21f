//! Followers read the log in order and keep their place: one leader for each role, by a lease whose epoch fences off a
//! leader that lost it. Knows when to hand out events, not what is done with them.

mod batches;
mod desk;
mod hold;
mod leading;
mod listeners;
mod origin;
mod reached;
#[cfg(test)]
mod tests;

use std::{future::pending, time::Duration};

use async_trait::async_trait;

use crate::{Cause, Position, Recorded};
pub use batches::Batches;
pub use desk::{Desk, Lease, Settled, Standing, Tenure};
pub use leading::{follow, woken};
pub use listeners::Listener;
pub use origin::Origin;
pub use reached::Reached;

/// For how long followers let events gather. The first one after a silence is taken at once.
const GATHER: Duration = Duration::from_millis(1);

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

    /// Takes a batch, and advances the lease to its last position together with what it writes. Where a batch concerned nobody,
    /// or is not done yet, the place may be written later: whoever leads next looks at it again. After an error the log is read
    /// again from the place that was written.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError>;

    /// Called while there is nothing new: about once a second, and each time that more is done of what was taken.
    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        Ok(())
    }

    /// Whether it takes more before some of what it took is done.
    fn has_room(&self) -> bool {
        true
    }

    /// How long it leaves the log alone after it was handed all that there was. One that waits for what comes lets a few events gather
    /// on a busy log, each of which would cost a read and a commit of its own; one that only wants to know how far the log is can
    /// wait longer.
    fn pace(&self) -> Duration {
        GATHER
    }

    /// Goes on with what was taken and is not done, and comes back when more of it is. It may be dropped at any moment, and is
    /// called again then.
    async fn go_on(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        pending().await
    }

    /// Up to where all is done, of what was taken up to `taken`.
    fn done(&self, taken: Position) -> Position {
        taken
    }

    /// Brings what is under way to its end, soon: no more will be asked of it.
    async fn wind_up(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        Ok(())
    }

    /// Drops what was taken and is not done: somebody else may lead, or may have led since.
    fn start_over(&mut self) {}
}
