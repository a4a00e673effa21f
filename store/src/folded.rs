//! Aggregates as they were folded a while ago, so that only what their streams hold beyond that is read. A stream may be
//! long, and some of those who ask need not prove who they are.

#[cfg(test)]
mod tests;

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::Aggregate;
use lru::LruCache;

use crate::{Journal, Loaded, Seals, StoreError, StreamId};

/// After how long a stream is folded anew: for as long, a state may still hold what was shredded in the meantime.
const AGE: Duration = Duration::from_mins(10);

/// The states of those aggregates of one kind that were asked for last.
pub struct Folded<A> {
    states: Mutex<LruCache<StreamId, (Instant, Loaded<A>)>>,
    seals: Seals,
}

impl<A: Aggregate> Folded<A> {
    pub fn new(capacity: NonZeroUsize, seals: Seals) -> Self {
        Self { states: Mutex::new(LruCache::new(capacity)), seals }
    }

    /// The aggregate as its stream tells it now.
    pub async fn load(&self, journal: &Journal, stream: &StreamId) -> Result<Loaded<A>, StoreError> {
        let (since, known) = self.remembered(stream).unwrap_or_else(|| (Instant::now(), Loaded::nothing()));
        let loaded = journal.fold_after(stream, known, self.seals).await?;
        if loaded.version > 0 {
            self.remember(stream, since, &loaded);
        }
        Ok(loaded)
    }

    fn remembered(&self, stream: &StreamId) -> Option<(Instant, Loaded<A>)> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, loaded) = states.get(stream)?;
        if since.elapsed() < AGE {
            return Some((*since, loaded.clone()));
        }
        states.pop(stream);
        None
    }

    /// Of two who read at the same time, the one who read more is believed.
    fn remember(&self, stream: &StreamId, since: Instant, loaded: &Loaded<A>) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.peek(stream).is_none_or(|(_, held)| held.version < loaded.version) {
            states.put(stream.clone(), (since, loaded.clone()));
        }
    }
}
