//! What Stele does after the fact: sends mails, tells nodes of revocations and others of events, clears away keys that nothing uses
//! and claims that were left behind. Takes events and never gives orders about users.

pub mod bus;
pub mod collector;
mod consumer;
pub mod letter;
pub mod mailer;
pub mod nats;
pub mod outbox;
mod place;
pub mod relay;
pub mod revoker;
mod sweeper;
#[cfg(test)]
#[expect(dead_code, reason = "black-box tests use the rest of it")]
#[path = "../../tests/support/smtp.rs"]
mod test_mail_server;

pub use collector::{Collector, Reach};
pub use consumer::{Consumer, InProcess, Subscribed, TryAgain};
pub use letter::{Composer, LinkUrls, Sender};
pub use mailer::Mailer;
pub use outbox::{FileOutbox, Outbox, SmtpOutbox};
pub use relay::Relay;
pub use revoker::{Revocation, Revoked, Revoker};
pub use sweeper::{SWEEPER, Sweeper};
