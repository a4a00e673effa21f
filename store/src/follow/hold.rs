//! Until when a lease is surely its holder's, by his own clock that nobody sets: one who was stopped for longer sees that it
//! may be someone else's before he does anything under it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Shared by all clones of a lease.
#[derive(Debug, Clone)]
pub(super) struct Hold(Arc<Mutex<Option<Instant>>>);

impl Hold {
    /// Of a lease that was asked for at a moment and given for so long.
    pub(super) fn since(asked: Instant, length: Duration) -> Self {
        Self(Arc::new(Mutex::new(Some(asked + length))))
    }

    pub(super) fn is_on(&self) -> bool {
        self.end().is_some_and(|end| Instant::now() < end)
    }

    /// Lasts for as long as another one does.
    pub(super) fn go_on(&self, other: &Self) {
        let end = other.end();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// Is over.
    pub(super) fn end_now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn end(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
