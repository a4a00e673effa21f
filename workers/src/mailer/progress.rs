//! What this process knows of mails that are not recorded as sent yet: how often each was tried, and whether one was
//! handed out already. Lost with the process, which costs a second copy at most.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Time;
use store::StreamId;

use crate::outbox::Answer;

/// How long a mail that nobody needs any more is remembered, so that its end can still be recorded with its attempts.
const AFTERLIFE: Duration = Duration::from_hours(1);

#[derive(Default)]
pub(super) struct Progress(Mutex<HashMap<StreamId, Tried>>);

struct Tried {
    attempts: u32,
    delivered: bool,
    /// What the receiving side said the last time.
    answer: Option<Answer>,
    /// When nobody will ask for it any more.
    until: Time,
}

impl Progress {
    /// Counts an attempt at a mail that is worth sending `until` then; forgets the mails for which that is long past,
    /// which another process has dealt with. Answers which attempt it is.
    pub(super) fn begin(&self, mail: &StreamId, until: Time, now: Time) -> u32 {
        let mut tried = self.tried();
        tried.retain(|_, tried| tried.until + AFTERLIFE > now || tried.delivered);
        let fresh = Tried { attempts: 0, delivered: false, answer: None, until };
        let tried = tried.entry(mail.clone()).or_insert(fresh);
        tried.attempts = tried.attempts.saturating_add(1);
        tried.attempts
    }

    pub(super) fn delivered(&self, mail: &StreamId) {
        if let Some(tried) = self.tried().get_mut(mail) {
            tried.delivered = true;
        }
    }

    pub(super) fn answered(&self, mail: &StreamId, answer: Option<Answer>) {
        if let Some(tried) = self.tried().get_mut(mail) {
            tried.answer = answer.or(tried.answer.take());
        }
    }

    pub(super) fn last_answer(&self, mail: &StreamId) -> Option<Answer> {
        self.tried().get(mail).and_then(|tried| tried.answer.clone())
    }

    pub(super) fn was_delivered(&self, mail: &StreamId) -> bool {
        self.tried().get(mail).is_some_and(|tried| tried.delivered)
    }

    /// How often the mail was tried so far.
    pub(super) fn attempts(&self, mail: &StreamId) -> u32 {
        self.tried().get(mail).map_or(0, |tried| tried.attempts)
    }

    pub(super) fn forget(&self, mail: &StreamId) {
        self.tried().remove(mail);
    }

    fn tried(&self) -> MutexGuard<'_, HashMap<StreamId, Tried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
