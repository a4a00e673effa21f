//! The port through which workers get events, and its simplest adapter: the log itself, followed in this process.
//! A message bus would hand the same events to the same consumers.

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use store::{
    Cause, Position, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};
use tokio::time::Instant;

/// How long the place of a consumer may stay unwritten while nothing concerns it. Writing it after each event of others would
/// keep those waiting who have something to write.
const UNWRITTEN: Duration = Duration::from_millis(500);

/// The event could not be dealt with yet and is handed out again.
#[derive(Debug, thiserror::Error)]
#[error("an event was not dealt with yet")]
pub struct TryAgain(#[source] pub Cause);

/// One who deals with events, each at least once, in the order of its stream.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Whether there is anything to do about this event.
    fn concerns(&self, event: &Recorded) -> bool;

    /// Deals with an event that concerns it.
    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain>;
}

/// A consumer that follows the log.
pub struct InProcess<C> {
    role: String,
    consumer: C,
    desk: Desk,
    place: Place,
}

/// How far a consumer came, and whether that is written down.
struct Place {
    /// With the lease under which it was reached: someone else may lead by the time that it is written.
    unwritten: Option<(Position, Lease)>,
    written: Instant,
}

impl<C: Consumer> InProcess<C> {
    pub fn new(role: impl Into<String>, consumer: C, desk: Desk) -> Self {
        let place = Place { unwritten: None, written: Instant::now() };
        Self { role: role.into(), consumer, desk, place }
    }

    async fn write_place(&mut self) -> Result<(), FollowError> {
        if let Some((position, lease)) = self.place.unwritten.take() {
            lease.advance_alone(self.desk.views(), position).await?;
            self.place.written = Instant::now();
        }
        Ok(())
    }
}

#[async_trait]
impl<C: Consumer> Follower for InProcess<C> {
    fn role(&self) -> &str {
        &self.role
    }

    /// One event that must be tried again does not hold up those of its batch, but it keeps the batch from being done, and
    /// later batches from coming. What is done about an event can't be taken back, so that each waits for a lease that holds.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let Some(last) = batch.last() else { return Ok(()) };
        let (mut concerned, mut failed) = (false, None);
        for event in batch.iter().filter(|event| self.consumer.concerns(event)) {
            if !lease.is_held() {
                return Err(lease.lost());
            }
            concerned = true;
            if let Err(error) = self.consumer.consume(event).await {
                failed = Some(error);
            }
        }
        if let Some(error) = failed {
            return Err(FollowError::Stuck(error.into()));
        }
        self.place.unwritten = Some((last.position, lease.clone()));
        if concerned || self.place.written.elapsed() >= UNWRITTEN {
            self.write_place().await?;
        }
        Ok(())
    }

    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        self.write_place().await
    }
}
