//! What Stele does after the fact: sends mails, tells nodes of revocations and others of events, clears away keys that nothing uses.
//! Takes events and never gives orders about users.

pub mod collector;
mod consumer;
pub mod letter;
pub mod mailer;
pub mod nats;
pub mod outbox;
mod place;
pub mod relay;
pub mod revoker;

pub use collector::{Collector, Reach};
pub use consumer::{Consumer, InProcess, TryAgain};
pub use letter::{Composer, LinkUrls, Sender};
pub use mailer::Mailer;
pub use outbox::{FileOutbox, Outbox};
pub use relay::Relay;
pub use revoker::{Revocation, Revoked, Revoker};
