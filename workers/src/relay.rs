//! The relay: tells the world outside what happened, in the order of the log. What it says of an event stands in types of its
//! own, which have no room for secrets.

mod again;
mod chain;
mod follower;
mod message;
pub mod public;
mod publication;
mod stream;
#[cfg(test)]
mod tests;

use async_nats::jetstream::context::PublishError;
use store::{Position, StoreError, follow::FollowError};

use crate::bus::{BusError, STREAM};

pub use again::{Again, publish_again};
pub use follower::{RELAY, Relay};
pub use message::{CONTENT_TYPE, Message, Outward};

/// Why events don't go out, now or until somebody sees to it.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the connection to NATS was lost")]
    Lost,
    #[error("an event was not acknowledged")]
    Unacknowledged(#[from] PublishError),
    #[error("the stream {STREAM} does not end where it did")]
    Refused(#[source] PublishError),
    #[error("the stream {STREAM} ends behind the log; it is published again from {} on", .0.0)]
    Behind(Position),
    #[error(
        "the stream {STREAM} holds events of another log: it ends with {0}; give each installation an account of its own on NATS, \
         or delete the stream"
    )]
    Foreign(String),
    #[error(
        "the stream {STREAM} ends with an event that is not at {0} in the log, which was perhaps put back from a backup; \
         `stele relay --from POSITION` publishes what the log holds from there on"
    )]
    Diverged(String),
    #[error(
        "the stream {STREAM} ends at {0}, and what comes behind that is not published yet: the relay does so by itself, or name this \
         position or an earlier one"
    )]
    Ahead(String),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error(transparent)]
    Follow(#[from] FollowError),
}
