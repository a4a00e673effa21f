//! The port through which mails leave: into a folder, or to an SMTP server.
//! Knows no mail's meaning; whether one was delivered before is for the mailer to know.

mod file;
pub mod smtp;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use store::Cause;

use crate::letter::Letter;
pub use file::{FileOutbox, FolderError};
pub use smtp::SmtpOutbox;

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    #[error("the mail could not be delivered yet")]
    Temporary { source: Cause, answer: Option<Answer> },
    #[error("the mail was refused for good")]
    Permanent { source: Cause, answer: Option<Answer> },
}

/// What the receiving side said of one mail, without control characters. It may repeat the address, and is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer(pub String);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

/// Where mails go. Delivering a letter again is harmless as far as the adapter can make it so: the letter's bytes and
/// ids are the same each time.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Comes back when the mail is in safe hands, or within two minutes.
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliverError>;

    /// How long to wait after each attempt at a mail before the next one; the last of them is for all that follow.
    fn pauses(&self) -> &[Duration];
}
