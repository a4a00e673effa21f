//! The data keys that were used last, out of their wrapping, so that most uses of a key ask no database.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, num::NonZeroUsize, sync::Mutex, time::Duration};

use domain::KeyId;
use lru::LruCache;
use tokio::time::Instant;

use super::DataKey;

/// How many are kept.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();
/// For how long one is kept: another process may destroy it, and tells nobody.
const TRUSTED: Duration = Duration::from_mins(5);

pub(super) struct AtHand(Mutex<Shelf>);

struct Remembered {
    key: DataKey,
    until: Instant,
}

/// The keys, and how many were destroyed since the vault was opened: a key that was read before a destruction and arrives
/// after it might be the destroyed one.
struct Shelf {
    keys: LruCache<KeyId, Remembered>,
    destroyed: u64,
}

impl AtHand {
    pub(super) fn empty() -> Self {
        Self(Mutex::new(Shelf { keys: LruCache::new(REMEMBERED), destroyed: 0 }))
    }

    /// Those of the keys that are at hand, and how many keys were destroyed up to now.
    pub(super) fn of(&self, ids: &[KeyId]) -> (HashMap<KeyId, DataKey>, u64) {
        let Ok(mut at_hand) = self.0.lock() else {
            return (HashMap::new(), 0);
        };
        let (destroyed, now) = (at_hand.destroyed, Instant::now());
        let mut kept = |id: &KeyId| {
            let found = at_hand.keys.get(id).filter(|found| now < found.until)?;
            Some((id.clone(), found.key.clone()))
        };
        (ids.iter().filter_map(&mut kept).collect(), destroyed)
    }

    /// Keeps keys at hand, unless any was destroyed since `destroyed` were.
    pub(super) fn keep(&self, keys: &HashMap<KeyId, DataKey>, destroyed: u64) {
        if let Ok(mut at_hand) = self.0.lock()
            && at_hand.destroyed == destroyed
        {
            let until = Instant::now() + TRUSTED;
            for (id, key) in keys {
                at_hand.keys.put(id.clone(), Remembered { key: key.clone(), until });
            }
        }
    }

    /// Lets go of a key that was destroyed.
    pub(super) fn lose(&self, id: &KeyId) {
        if let Ok(mut at_hand) = self.0.lock() {
            at_hand.keys.pop(id);
            at_hand.destroyed += 1;
        }
    }
}
