//! Key mode's memory: what a session's stream said a moment ago, so that not every request folds it again. Dropped when
//! the session is revoked, and soon in any case.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{SessionId, Time, UserId};
use lru::LruCache;

const CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// How long an answer is remembered; revocations must be remembered for longer.
pub(crate) const REMEMBERED: Duration = Duration::from_mins(1);

/// What never changes in a session while it lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeySession {
    pub(crate) user: UserId,
    pub(crate) epoch: u32,
    pub(crate) until: Time,
}

pub(crate) struct KeySessions(Mutex<LruCache<SessionId, (KeySession, Instant)>>);

impl Default for KeySessions {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl KeySessions {
    pub(crate) fn get(&self, id: SessionId) -> Option<KeySession> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, since) = *known.get(&id)?;
        if since.elapsed() < REMEMBERED {
            return Some(session);
        }
        known.pop(&id);
        None
    }

    pub(crate) fn put(&self, id: SessionId, session: KeySession) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(id, (session, Instant::now()));
    }

    pub(crate) fn forget(&self, id: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&id);
    }
}
