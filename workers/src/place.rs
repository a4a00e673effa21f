//! How far a follower came, written down at most so often: who leads next may look at a little of it again.

use std::time::Duration;

use store::{
    Position,
    follow::{Desk, FollowError, Lease},
};
use tokio::time::Instant;

/// How long a place may stay unwritten. Writing it after each event would keep those waiting who have something to write.
pub(crate) const UNWRITTEN: Duration = Duration::from_millis(500);

pub(crate) struct Place {
    noted: Position,
    /// With the lease under which it was reached: someone else may lead by the time that it is written.
    unwritten: Option<(Position, Lease)>,
    pub(crate) written: Instant,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { noted: Position::BEGINNING, unwritten: None, written: Instant::now() }
    }

    /// Remembers how far all is done, to be written down under the lease of now.
    pub(crate) fn reach(&mut self, position: Position, lease: &Lease) {
        if position > self.noted {
            self.noted = position;
            self.unwritten = Some((position, lease.clone()));
        }
    }

    /// Whether it was written so long ago that it should be again.
    pub(crate) fn is_due(&self) -> bool {
        self.written.elapsed() >= UNWRITTEN
    }

    /// Writes it down, where it was not.
    pub(crate) async fn write(&mut self, desk: &Desk) -> Result<(), FollowError> {
        if let Some((position, lease)) = self.unwritten.clone() {
            lease.advance_alone(desk.views(), position).await?;
            self.unwritten = None;
            self.written = Instant::now();
        }
        Ok(())
    }
}
