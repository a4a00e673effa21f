//! What this process knows of the ends of streams, from what it read and wrote: the server orders events, but neither looks for an
//! event's id at the version that comes next, nor keeps time from falling. What is known may be old; the server then refuses.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use domain::Time;
use lru::LruCache;
use uuid::Uuid;

use crate::log::{Recorded, StreamId};

/// How many of the last events of a stream are known by their ids: whoever repeats an append, because its answer was lost, does so
/// before many others were written.
pub(super) const KNOWN: u32 = 16;
const STREAMS: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// The end of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    pub(super) version: u64,
    /// Of the last event.
    pub(super) recorded_at: Time,
    ids: VecDeque<Uuid>,
}

impl Tail {
    /// Goes on from here, event by event.
    fn push(&mut self, version: u64, recorded_at: Time, id: Uuid) {
        if self.ids.len() >= usize::try_from(KNOWN).unwrap_or(usize::MAX) {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
        (self.version, self.recorded_at) = (version, recorded_at);
    }

    pub(super) fn with(mut self, recorded_at: Time, ids: impl IntoIterator<Item = Uuid>) -> Self {
        for id in ids {
            self.push(self.version + 1, recorded_at, id);
        }
        self
    }

    pub(super) fn knows(&self, id: Uuid) -> bool {
        self.ids.contains(&id)
    }

    /// Whether nothing of the last events is missing.
    fn is_whole(&self) -> bool {
        u64::try_from(self.ids.len()).is_ok_and(|known| known == self.version.min(KNOWN.into()))
    }
}

pub(super) struct Tails(Mutex<LruCache<StreamId, Tail>>);

impl Tails {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(STREAMS)))
    }

    /// The end of a stream, if it is known and at this version.
    pub(super) fn at(&self, stream: &StreamId, version: u64) -> Option<Tail> {
        if version == 0 {
            return Some(Tail::default());
        }
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tails.get(stream).filter(|tail| tail.version == version).cloned()
    }

    /// Takes note of events that were read from a stream up to its end, one after the other.
    pub(super) fn learn(&self, stream: &StreamId, events: &[Recorded]) {
        let Some(first) = events.first() else { return };
        let mut tail = self.at(stream, first.version - 1).unwrap_or_default();
        for recorded in events {
            tail.push(recorded.version, recorded.recorded_at, recorded.event.id);
        }
        self.keep(stream, tail);
    }

    /// Keeps a tail unless a later one is known.
    pub(super) fn keep(&self, stream: &StreamId, tail: Tail) {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.is_whole() && tails.peek(stream).is_none_or(|known| known.version < tail.version) {
            tails.put(stream.clone(), tail);
        }
    }
}
