//! One login, from its start to its end. Whether its user still admits it is the user's to say, by his epoch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Aggregate, Private, Time, UserId};

/// One login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Session {
    #[default]
    Unborn,
    Live(Live),
    Revoked(Live, RevocationReason),
}

/// What is known of a login that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub user: UserId,
    /// The user's epoch against which the password was verified.
    pub epoch: u32,
    pub started_at: Time,
    /// When the session is over, however often it is refreshed.
    pub until: Time,
    pub client: Private<Client>,
    /// How often the refresh token was replaced.
    pub counter: u32,
    /// What the newest refresh token says, if one replaced the first.
    pub issue: Option<Issue>,
}

/// From where a person logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub address: String,
    pub agent: String,
}

/// What a refresh token says besides session and counter: enough to make the same token again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    pub iat: Time,
    pub exp: Time,
    pub kid: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Start(Start),
    Refresh(Refresh),
    Revoke { reason: RevocationReason, at: Time },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub user: UserId,
    pub epoch: u32,
    pub at: Time,
    pub until: Time,
    pub client: Private<Client>,
    /// Which of the user's linked accounts let him in; none where it was his password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub social: Option<u32>,
}

/// A refresh token with this counter was presented. `next` is the issue that replaces it; none where tokens don't rotate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    pub counter: u32,
    pub next: Option<Issue>,
    /// How long the token before the newest is still answered, with the same child.
    pub grace: Duration,
    pub at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    Logout,
    /// Ended by its user from another session.
    Ended,
    /// A refresh token that had been replaced came back: someone else holds a copy.
    Reuse,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "session.started.v1")]
    SessionStarted(Start),
    #[serde(rename = "session.refreshed.v1")]
    SessionRefreshed {
        counter: u32,
        #[serde(flatten)]
        issue: Issue,
    },
    #[serde(rename = "session.revoked.v1")]
    SessionRevoked { reason: RevocationReason, at: Time },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the session was never started")]
    NotStarted,
    #[error("the session was started already")]
    AlreadyStarted,
    #[error("the session is revoked")]
    Revoked,
    #[error("the session has reached its end")]
    Over,
    #[error("no refresh token with that counter was ever issued")]
    NeverIssued,
}

impl Session {
    /// The login, unless it never began or was revoked.
    pub const fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Unborn | Self::Revoked(..) => None,
        }
    }
}

impl Live {
    /// Rotation as RFC 9700 section 4.14.2 asks for it, with a bounded grace for an answer that got lost.
    fn refresh(&self, refresh: Refresh) -> Result<Vec<Event>, Error> {
        let Refresh { counter, next, grace, at } = refresh;
        if at >= self.until {
            return Err(Error::Over);
        }
        if counter > self.counter {
            return Err(Error::NeverIssued);
        }
        if counter == self.counter {
            let Some(issue) = next else {
                return Ok(vec![]);
            };
            let counter = counter.checked_add(1).ok_or(Error::Over)?;
            return Ok(vec![Event::SessionRefreshed { counter, issue }]);
        }
        let replaced_at = self.issue.as_ref().map_or(self.started_at, |issue| issue.iat);
        if counter + 1 == self.counter && at.since(replaced_at) < grace {
            return Ok(vec![]);
        }
        Ok(vec![Event::SessionRevoked { reason: RevocationReason::Reuse, at }])
    }
}

impl Aggregate for Session {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Unborn, Command::Start(start)) => Ok(vec![Event::SessionStarted(start)]),
            (Self::Live(_) | Self::Revoked(..), Command::Start(_)) => Err(Error::AlreadyStarted),
            (Self::Live(live), Command::Refresh(refresh)) => live.refresh(refresh),
            (Self::Revoked(..), Command::Refresh(_)) => Err(Error::Revoked),
            (Self::Live(_), Command::Revoke { reason, at }) => Ok(vec![Event::SessionRevoked { reason, at }]),
            (Self::Revoked(..), Command::Revoke { .. }) => Ok(vec![]),
            (Self::Unborn, Command::Refresh(_) | Command::Revoke { .. }) => Err(Error::NotStarted),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event) {
            (Self::Unborn, Event::SessionStarted(start)) => Self::Live(Live {
                user: start.user,
                epoch: start.epoch,
                started_at: start.at,
                until: start.until,
                client: start.client.clone(),
                counter: 0,
                issue: None,
            }),
            (Self::Live(live), Event::SessionRefreshed { counter, issue }) => {
                Self::Live(Live { counter: *counter, issue: Some(issue.clone()), ..live })
            }
            (Self::Live(live), Event::SessionRevoked { reason, .. }) => Self::Revoked(live, *reason),
            (state @ (Self::Unborn | Self::Live(_) | Self::Revoked(..)), _) => state,
        }
    }
}

#[cfg(test)]
mod tests;
