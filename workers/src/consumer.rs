//! The port through which workers get events, and its simplest adapter: the log itself, followed in this process.
//! A message bus would hand the same events to the same consumers.

use async_trait::async_trait;
use store::{
    Cause, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};

/// The event could not be dealt with yet and is handed out again.
#[derive(Debug, thiserror::Error)]
#[error("an event was not dealt with yet")]
pub struct TryAgain(#[source] pub Cause);

/// One who deals with events, each at least once, in the order of its stream.
#[async_trait]
pub trait Consumer: Send + Sync {
    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain>;

    /// Everything that there is up to now was dealt with.
    fn hear(&self) {}
}

/// A consumer that follows the log.
pub struct InProcess<C> {
    role: String,
    consumer: C,
    desk: Desk,
}

impl<C: Consumer> InProcess<C> {
    pub fn new(role: impl Into<String>, consumer: C, desk: Desk) -> Self {
        Self { role: role.into(), consumer, desk }
    }
}

#[async_trait]
impl<C: Consumer> Follower for InProcess<C> {
    fn role(&self) -> &str {
        &self.role
    }

    /// One event that must be tried again does not hold up those of its batch, but it keeps the batch from being done, and
    /// later batches from coming.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let Some(last) = batch.last() else { return Ok(()) };
        let mut failed = None;
        for event in batch {
            if let Err(error) = self.consumer.consume(event).await {
                failed = Some(error);
            }
        }
        if let Some(error) = failed {
            return Err(FollowError::Stuck(error.into()));
        }
        self.consumer.hear();
        let mut desk = self.desk.pool().acquire().await?;
        lease.advance(&mut desk, last.position).await
    }

    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        self.consumer.hear();
        Ok(())
    }
}
