//! One mail: asked for, then sent or given up. Knows to whom and why, never the link itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Aggregate, Private, Time, UserId};

/// For how long a mail without a link is still worth sending.
const NOTICE_LIFE: Duration = Duration::from_hours(72);

/// How far one mail has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mail {
    #[default]
    Unrequested,
    Requested(Request),
    Sent,
    /// It was given up, and can be asked for again while it is worth sending.
    Failed(Request),
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
    /// An account at a provider of identities lets its owner in from now on.
    SocialAccountLinked,
    /// It does so no more.
    SocialAccountUnlinked,
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
    RecordFailure(Failure),
    Retry { at: Time },
}

/// How a mail was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub attempt: u32,
    pub reason: FailureReason,
    /// The last that the receiving side said, which may repeat the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Private<String>>,
    pub at: Time,
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
    MailFailed(Failure),
    /// What was given up is tried again.
    #[serde(rename = "mail.retried.v1")]
    MailRetried { at: Time },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the mail was never asked for")]
    NotRequested,
    #[error("the mail was asked for already")]
    AlreadyRequested,
    #[error("the mail is being tried already")]
    StillTried,
    #[error("the mail was sent")]
    AlreadySent,
    #[error("the mail is not worth sending any more: its link, or its news, is too old")]
    Worthless,
}

impl Purpose {
    pub const ALL: [Self; 7] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailChangeRequested,
        Self::SocialAccountLinked,
        Self::SocialAccountUnlinked,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::PasswordChanged => "password-changed",
            Self::PasswordReset => "password-reset",
            Self::EmailChangeRequested => "email-change-requested",
            Self::SocialAccountLinked => "social-account-linked",
            Self::SocialAccountUnlinked => "social-account-unlinked",
        }
    }
}

impl Request {
    /// From when on the mail is not worth sending.
    pub fn worthless_from(&self) -> Time {
        self.link.as_ref().map_or(self.at + NOTICE_LIFE, |terms| terms.expires_at)
    }

    /// A link carries whole seconds, and is dead in the one that it names.
    pub fn is_worthless(&self, now: Time) -> bool {
        self.worthless_from().seconds() <= now.seconds()
    }
}

impl Aggregate for Mail {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Unrequested, Command::Request(request)) => Ok(vec![Event::MailRequested(request)]),
            (Self::Requested(_) | Self::Sent | Self::Failed(_), Command::Request(_)) => {
                Err(Error::AlreadyRequested)
            }
            (Self::Requested(_), Command::RecordSent { attempt, at }) => {
                Ok(vec![Event::MailSent { attempt, at }])
            }
            (Self::Requested(_), Command::RecordFailure(failure)) => Ok(vec![Event::MailFailed(failure)]),
            (Self::Sent | Self::Failed(_), Command::RecordSent { .. } | Command::RecordFailure(_)) => {
                Ok(vec![])
            }
            (Self::Failed(request), Command::Retry { at }) if request.is_worthless(at) => {
                Err(Error::Worthless)
            }
            (Self::Failed(_), Command::Retry { at }) => Ok(vec![Event::MailRetried { at }]),
            (Self::Requested(_), Command::Retry { .. }) => Err(Error::StillTried),
            (Self::Sent, Command::Retry { .. }) => Err(Error::AlreadySent),
            (
                Self::Unrequested,
                Command::RecordSent { .. } | Command::RecordFailure(_) | Command::Retry { .. },
            ) => Err(Error::NotRequested),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event) {
            (_, Event::MailRequested(request)) => Self::Requested(request.clone()),
            (_, Event::MailSent { .. }) => Self::Sent,
            (Self::Requested(request) | Self::Failed(request), Event::MailFailed(_)) => Self::Failed(request),
            (Self::Requested(request) | Self::Failed(request), Event::MailRetried { .. }) => {
                Self::Requested(request)
            }
            (other, Event::MailFailed(_) | Event::MailRetried { .. }) => other,
        }
    }
}

#[cfg(test)]
mod tests;
