//! What a node must know to refuse a token that is still alive: revoked sessions and raised epochs, in memory, fed by the
//! log. Asking costs no I/O. A node that has heard nothing for too long does not answer.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use domain::{SessionId, Time, UserId};
use projections::UserRow;

/// Whether a token's session still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Good,
    Revoked,
    /// Its user is disabled.
    Disabled,
}

/// The feed has been silent for too long to trust what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing was heard of revocations for {} s", .0.as_secs())]
pub struct Silent(pub Duration);

/// The revocations that can still meet a live token.
pub struct Revocations {
    known: RwLock<Known>,
    heard: RwLock<Instant>,
    max_silence: Duration,
    /// How long an entry can matter: the longest life of a token or of a remembered answer.
    memory: Duration,
}

#[derive(Default)]
struct Known {
    /// The latest moment that was ever heard of. A clock that was set back says less, and tokens that were made before live on
    /// for longer than it seems.
    latest: Time,
    sessions: HashMap<SessionId, Time>,
    users: HashMap<UserId, Raised>,
}

impl Known {
    fn not_before_latest(&mut self, at: Time) -> Time {
        self.latest = self.latest.max(at);
        self.latest
    }
}

#[derive(Clone, Copy)]
struct Raised {
    /// Of the user's stream.
    version: u64,
    epoch: u32,
    kept: Option<SessionId>,
    active: bool,
    at: Time,
}

impl Revocations {
    pub fn new(max_silence: Duration, memory: Duration) -> Self {
        let heard = RwLock::new(Instant::now());
        Self { known: RwLock::default(), heard, max_silence, memory }
    }

    pub const fn memory(&self) -> Duration {
        self.memory
    }

    /// Notes that the feed told of everything up to a moment.
    pub fn hear(&self, up_to: Instant) {
        let mut heard = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        *heard = up_to.max(*heard);
    }

    pub fn revoke(&self, session: SessionId, at: Time) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let at = known.not_before_latest(at);
        known.sessions.insert(session, at);
    }

    /// Takes over what a user's row says of his epoch, unless something newer is known.
    pub fn raise(&self, user: &UserRow, at: Time) {
        let UserRow { version, epoch, kept, active, .. } = *user;
        self.note(user.pk, Raised { version, epoch, kept, active, at });
    }

    /// Refuses every session of a user about whom nothing can be read any more.
    pub fn refuse(&self, user: UserId, at: Time) {
        self.note(user, Raised { version: u64::MAX, epoch: u32::MAX, kept: None, active: true, at });
    }

    fn note(&self, user: UserId, raised: Raised) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let at = known.not_before_latest(raised.at);
        if known.users.get(&user).is_none_or(|held| held.version <= raised.version) {
            known.users.insert(user, Raised { at, ..raised });
        }
    }

    /// For how long nothing was heard, if that is too long to trust what is known.
    pub fn silence(&self) -> Option<Silent> {
        let silence = self.heard.read().unwrap_or_else(PoisonError::into_inner).elapsed();
        (silence > self.max_silence).then_some(Silent(silence))
    }

    /// Whether a session of this user, verified against `epoch`, still stands.
    pub fn standing(&self, user: UserId, session: SessionId, epoch: u32) -> Result<Standing, Silent> {
        if let Some(silent) = self.silence() {
            return Err(silent);
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let raised = known.users.get(&user);
        Ok(match raised {
            Some(raised) if !raised.active => Standing::Disabled,
            _ if known.sessions.contains_key(&session) => Standing::Revoked,
            Some(raised) if raised.epoch > epoch && raised.kept != Some(session) => Standing::Revoked,
            Some(_) | None => Standing::Good,
        })
    }

    /// Forgets what no live token can meet any more. To be called often enough that the memory outlives every token that
    /// was made since the last time.
    pub fn forget(&self, now: Time) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.not_before_latest(now);
        known.sessions.retain(|_, at| now.since(*at) < self.memory);
        known.users.retain(|_, raised| now.since(raised.at) < self.memory);
    }
}
