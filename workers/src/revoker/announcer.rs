//! The revocation worker where there is NATS: puts every session that was ended before its time into the bucket of revocations, from
//! where the others hear of it. Who else refuses its tokens, and when, is not its business.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{Session, SessionId, Time, UserId};
use serde::Serialize;
use store::{Cause, Journal, Position, Recorded, StoreError, clock};

use super::{Revocation, revocation_in};
use crate::{Consumer, TryAgain, bus::Bucket};

/// When one is tried again that could not be announced.
const SOON: Duration = Duration::from_secs(1);

/// Who knows where users were logged in.
#[async_trait]
pub trait Logins: Send + Sync {
    /// The sessions of a user that don't count any more although nobody ended them one by one, as of a position in the log or
    /// later.
    async fn outlived(&self, user: UserId, position: Position) -> Result<Vec<Login>, Cause>;
}

/// A session that does not count any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    pub session: SessionId,
    /// When its newest tokens were made.
    pub renewed_at: Time,
    /// When it would have been over, however often it was refreshed.
    pub until: Time,
}

/// How long tokens live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Of one with which others are got, or that is all there is.
    pub refresh: Duration,
    /// Of those that are got with it, beyond its own.
    pub access: Duration,
}

/// Announces what was revoked.
pub struct Announcer {
    journal: Journal,
    logins: Arc<dyn Logins>,
    lifetimes: Lifetimes,
    bucket: Bucket,
}

/// An entry of the bucket.
#[derive(Debug, Serialize)]
struct Entry {
    session: SessionId,
    /// When it was ended.
    at: String,
    /// When its last token expires, with which the entry ends.
    until: String,
}

impl Announcer {
    pub const fn new(
        journal: Journal,
        logins: Arc<dyn Logins>,
        lifetimes: Lifetimes,
        bucket: Bucket,
    ) -> Self {
        Self { journal, logins, lifetimes, bucket }
    }

    async fn ended_by(&self, event: &Recorded) -> Result<Vec<Login>, Cause> {
        Ok(match revocation_in(event) {
            Some(Revocation::Session { session, .. }) => Vec::from_iter(self.login(session, event).await?),
            Some(Revocation::Epoch { user, .. }) => self.logins.outlived(user, event.position).await?,
            None => Vec::new(),
        })
    }

    async fn login(&self, session: SessionId, event: &Recorded) -> Result<Option<Login>, StoreError> {
        let state = match self.journal.load_closed::<Session>(&event.stream).await {
            Ok(loaded) => loaded.state,
            Err(error) if error.is_of_all() => return Err(error),
            Err(error) => {
                tracing::error!(stream = %event.stream, error = store::chain(&error), "a session that was ended can't be read");
                return Ok(None);
            }
        };
        Ok(match state {
            Session::Revoked(live, _) | Session::Live(live) => {
                let renewed_at = live.issue.map_or(live.started_at, |issue| issue.iat);
                Some(Login { session, renewed_at, until: live.until })
            }
            Session::Unborn => None,
        })
    }

    async fn announce(&self, login: Login, at: Time) -> Result<(), Cause> {
        let until = self.lifetimes.last_token(login);
        let left = until.since(clock::now());
        if left.is_zero() {
            return Ok(());
        }
        let entry = Entry { session: login.session, at: clock::rfc3339(at), until: clock::rfc3339(until) };
        let text = serde_json::to_vec(&entry)?;
        Ok(self.bucket.put(&login.session.to_string(), text, left).await?)
    }
}

impl Lifetimes {
    /// When the last token of a session expires.
    fn last_token(self, login: Login) -> Time {
        login.until.min(login.renewed_at + self.refresh) + self.access
    }
}

#[async_trait]
impl Consumer for Announcer {
    /// Who may come in again ends nothing.
    fn concerns(&self, event: &Recorded) -> bool {
        revocation_in(event).is_some() && !event.event.kind.starts_with("user.enabled.")
    }

    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        let announced = async {
            for login in self.ended_by(event).await? {
                self.announce(login, event.recorded_at).await?;
            }
            Ok(())
        };
        announced.await.map_err(|cause| TryAgain { cause, after: SOON })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes =
        Lifetimes { refresh: Duration::from_secs(100), access: Duration::from_secs(10) };

    fn seconds(seconds: i64) -> Time {
        Time(seconds * 1_000_000)
    }

    fn login(renewed_at: i64, until: i64) -> Login {
        let session = "0123456789abcdef".parse().unwrap();
        Login { session, renewed_at: seconds(renewed_at), until: seconds(until) }
    }

    #[test]
    fn the_last_token_of_a_session_is_one_got_with_the_newest_at_its_very_end() {
        assert_eq!(LIFETIMES.last_token(login(50, 1000)), seconds(160));
        assert_eq!(LIFETIMES.last_token(login(950, 1000)), seconds(1010));
    }
}
