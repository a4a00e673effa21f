//! Finishes what a crash left half done on a log that appends to one stream at a time: names that somebody claimed, and that
//! nobody holds a minute later, are free again without anybody asking for them. What may be freed, and how, the domain says.

mod suspects;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use store::{
    Journal, Position, Recorded, StoreError, clock,
    follow::{Desk, FollowError, Follower, Lease},
    node_keys::MacKeys,
};

use crate::place::Place;
use suspects::Suspects;

/// The role under which one process sweeps.
pub const SWEEPER: &str = "sweeper";

/// Follows the log with an eye on claims. Its place is before the oldest one that may yet turn out to be left behind.
pub struct Sweeper {
    desk: Desk,
    suspects: Suspects,
    /// Up to where events were taken.
    taken: Position,
    place: Place,
}

impl Sweeper {
    pub fn new(journal: Journal, macs: Arc<MacKeys>, desk: Desk) -> Self {
        let suspects = Suspects::new(journal, macs);
        Self { desk, suspects, taken: Position::BEGINNING, place: Place::new() }
    }

    async fn sweep(&mut self) -> Result<(), FollowError> {
        self.suspects.free_due(clock::now()).await.map_err(stuck)
    }
}

#[async_trait]
impl Follower for Sweeper {
    fn role(&self) -> &str {
        SWEEPER
    }

    /// Sweeps too: on a log that is never silent it is not told so when it is idle.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        for event in batch {
            self.suspects.note(event).await.map_err(stuck)?;
            self.taken = self.taken.max(event.position);
        }
        self.sweep().await?;
        self.place.reach(self.done(self.taken), lease);
        if self.place.is_due() { self.place.write(&self.desk).await } else { Ok(()) }
    }

    async fn idle(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.sweep().await?;
        self.place.reach(self.done(self.taken), lease);
        self.place.write(&self.desk).await
    }

    fn done(&self, taken: Position) -> Position {
        self.suspects.oldest().map_or(taken, |oldest| taken.min(Position(oldest.0.saturating_sub(1))))
    }

    async fn wind_up(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.place.reach(self.done(self.taken), lease);
        self.place.write(&self.desk).await
    }

    fn start_over(&mut self) {
        self.suspects.forget();
        self.taken = Position::BEGINNING;
        self.place = Place::new();
    }
}

fn stuck(error: StoreError) -> FollowError {
    FollowError::Stuck(error.into())
}
