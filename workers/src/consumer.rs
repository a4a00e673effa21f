//! The port through which workers get events: the log itself, followed in this process, hands them out, or a durable consumer on
//! NATS hands the same events to the same workers.

mod hands;
mod in_process;
mod message;
mod progress;
mod queue;
mod subscribed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use store::{Cause, Recorded};

pub use in_process::InProcess;
pub use subscribed::Subscribed;

/// The event could not be dealt with yet, and is handed out again.
#[derive(Debug, thiserror::Error)]
#[error("an event was not dealt with yet")]
pub struct TryAgain {
    #[source]
    pub cause: Cause,
    /// How long to wait until then.
    pub after: Duration,
}

/// One who deals with events, each at least once: several at a time, but one of each stream, in its order.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Whether there is anything to do about this event.
    fn concerns(&self, event: &Recorded) -> bool;

    /// Deals with an event that concerns it.
    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain>;
}
