//! Which public event came before another one in its stream: what a subscriber sees gaps by. Remembers the streams that were
//! seen last and reads others back, so that it does not matter where it begins.

use std::num::NonZeroUsize;

use lru::LruCache;
use store::{EventLog, Recorded, StoreError, StreamId};
use uuid::Uuid;

use super::publication::published;

/// How many streams are remembered, of which each takes about 150 bytes.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

/// The events that were published last, by stream.
pub(super) struct Chain {
    ends: LruCache<StreamId, End>,
}

/// How far a stream was seen, and the last public event in it up to there.
#[derive(Clone, Copy)]
struct End {
    version: u64,
    public: Option<Uuid>,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self { ends: LruCache::new(REMEMBERED) }
    }

    /// The public event before this one in its stream.
    pub(super) async fn before(
        &mut self,
        recorded: &Recorded,
        log: &dyn EventLog,
    ) -> Result<Option<Uuid>, StoreError> {
        let before = recorded.version.saturating_sub(1);
        match self.ends.get(&recorded.stream) {
            _ if before == 0 => Ok(None),
            Some(end) if end.version == before => Ok(end.public),
            _ => read_back(&recorded.stream, before, log).await,
        }
    }

    /// Takes note that `recorded` was seen, and of the last public event up to it.
    pub(super) fn saw(&mut self, recorded: &Recorded, public: Option<Uuid>) {
        self.ends.put(recorded.stream.clone(), End { version: recorded.version, public });
    }
}

/// The last public event of a stream up to a version. Most often it is the one of that version.
async fn read_back(stream: &StreamId, version: u64, log: &dyn EventLog) -> Result<Option<Uuid>, StoreError> {
    for start in [version.saturating_sub(1), 0] {
        let events = log.read_stream(stream, start).await?;
        for event in events.iter().rev().filter(|event| event.version <= version) {
            if published(event)?.is_some() {
                return Ok(Some(event.event.id));
            }
        }
    }
    Ok(None)
}
