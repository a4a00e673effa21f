//! The port through which workers get events, and its simplest adapter: the log itself, followed in this process.
//! A message bus would hand the same events to the same consumers.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use store::{
    Cause, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};

use crate::place::Place;

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

impl<C: Consumer> InProcess<C> {
    pub fn new(role: impl Into<String>, consumer: C, desk: Desk) -> Self {
        Self { role: role.into(), consumer, desk, place: Place::new() }
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
        self.place.reach(last.position, lease);
        if concerned || self.place.is_due() { self.place.write(&self.desk).await } else { Ok(()) }
    }

    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        self.place.write(&self.desk).await
    }
}
