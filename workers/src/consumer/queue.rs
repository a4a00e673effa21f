//! Events that are not dealt with yet: one of each stream at a time, those that are new before those that wait to be tried
//! again. Deals with none of them, and has no clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use store::{Position, Recorded, StreamId};
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Queue {
    /// Of each stream what is open, in order. The first of a stream is new, or waits, or is being dealt with.
    streams: HashMap<StreamId, VecDeque<Arc<Recorded>>>,
    new: BTreeMap<Position, Arc<Recorded>>,
    /// By when they are to be tried again.
    waiting: BTreeMap<(Instant, Position), Arc<Recorded>>,
    open: BTreeSet<Position>,
}

/// An event to be dealt with now.
pub(super) struct Due {
    pub(super) event: Arc<Recorded>,
    pub(super) is_retry: bool,
}

impl Queue {
    pub(super) fn add(&mut self, event: &Recorded) {
        let event = Arc::new(event.clone());
        self.open.insert(event.position);
        let stream = self.streams.entry(event.stream.clone()).or_default();
        if stream.is_empty() {
            self.new.insert(event.position, Arc::clone(&event));
        }
        stream.push_back(event);
    }

    /// Takes out what is to be dealt with next, if anything is.
    pub(super) fn next(&mut self, now: Instant, may_retry: bool) -> Option<Due> {
        let first = self.waiting.first_entry().filter(|first| may_retry && first.key().0 <= now);
        if let Some(first) = first {
            return Some(Due { event: first.remove(), is_retry: true });
        }
        self.new.pop_first().map(|(_, event)| Due { event, is_retry: false })
    }

    /// When [`next`](Self::next) will have something that waits.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// It is to be tried again then, and those of its stream behind it wait as long.
    pub(super) fn again(&mut self, event: Arc<Recorded>, at: Instant) {
        self.waiting.insert((at, event.position), event);
    }

    /// It is dealt with.
    pub(super) fn done(&mut self, event: &Recorded) {
        self.open.remove(&event.position);
        if let Some(stream) = self.streams.get_mut(&event.stream) {
            stream.pop_front();
            match stream.front() {
                Some(next) => drop(self.new.insert(next.position, Arc::clone(next))),
                None => drop(self.streams.remove(&event.stream)),
            }
        }
    }

    /// The first that is not dealt with.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.open.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
