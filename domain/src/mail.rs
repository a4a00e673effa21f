//! One mail: asked for, then sent or given up. Knows to whom and why, never the link itself.

use serde::{Deserialize, Serialize};

use crate::{Aggregate, Private, Time, UserId};

/// How far one mail has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mail {
    #[default]
    Unrequested,
    Requested(Request),
    Sent,
    Failed,
}

/// Why a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
    PasswordChanged,
    PasswordReset,
    EmailChangeRequested,
}

/// Where a mail goes, and the terms of the link in it, from which the secret is derived again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub purpose: Purpose,
    pub user: UserId,
    pub to: Private<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkTerms>,
    pub at: Time,
}

/// What the secret of a link is bound to besides user, address and purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTerms {
    pub expires_at: Time,
    /// The user's epoch: a change of password kills every older link.
    pub epoch: u32,
    /// Which link key the secret is derived with.
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Request(Request),
    RecordSent { attempt: u32, at: Time },
    RecordFailure { attempt: u32, reason: FailureReason, at: Time },
}

/// Why a mail was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    /// The link in it would be dead on arrival.
    Expired,
    /// The receiving side refused it for good, or the address is none.
    Refused,
    /// The person's data was destroyed before the mail was sent.
    Shredded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "mail.requested.v1")]
    MailRequested(Request),
    #[serde(rename = "mail.sent.v1")]
    MailSent { attempt: u32, at: Time },
    #[serde(rename = "mail.failed.v1")]
    MailFailed { attempt: u32, reason: FailureReason, at: Time },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the mail was never asked for")]
    NotRequested,
    #[error("the mail was asked for already")]
    AlreadyRequested,
}

impl Aggregate for Mail {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Unrequested, Command::Request(request)) => Ok(vec![Event::MailRequested(request)]),
            (Self::Requested(_) | Self::Sent | Self::Failed, Command::Request(_)) => {
                Err(Error::AlreadyRequested)
            }
            (Self::Requested(_), Command::RecordSent { attempt, at }) => {
                Ok(vec![Event::MailSent { attempt, at }])
            }
            (Self::Requested(_), Command::RecordFailure { attempt, reason, at }) => {
                Ok(vec![Event::MailFailed { attempt, reason, at }])
            }
            (Self::Sent | Self::Failed, Command::RecordSent { .. } | Command::RecordFailure { .. }) => {
                Ok(vec![])
            }
            (Self::Unrequested, Command::RecordSent { .. } | Command::RecordFailure { .. }) => {
                Err(Error::NotRequested)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::MailRequested(request) => Self::Requested(request.clone()),
            Event::MailSent { .. } => Self::Sent,
            Event::MailFailed { .. } => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
