//! Whether a write is one to keep, one that was kept before, or one against what its writer expects.

use uuid::Uuid;

use super::Ledger;
use crate::event::{DELETED, Expected, metadata_stream};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Write {
        /// The stream was deleted softly, and lives again from here on.
        undelete: bool,
    },
    /// The last event of it stands at this place.
    Already(usize),
    Unexpected,
    Deleted,
}

impl Ledger {
    pub(super) fn decide(&self, stream: &str, expected: Expected, ids: &[Uuid]) -> Decision {
        let last = self.last_revision(stream);
        if last == Some(DELETED) {
            return Decision::Deleted;
        }
        let is_soft_deleted = self.metadata(stream).is_soft_deleted();
        match expected {
            Expected::StreamExists if is_soft_deleted => Decision::Deleted,
            Expected::StreamExists if last.is_none() && self.last(&metadata_stream(stream)).is_none() => {
                Decision::Unexpected
            }
            Expected::Any | Expected::StreamExists => self.decide_by_ids(stream, ids, is_soft_deleted),
            Expected::NoStream => self.decide_at(stream, 0, ids, is_soft_deleted),
            Expected::Exact(revision) => match self.decide_at(stream, revision.saturating_add(1), ids, false)
            {
                Decision::Write { .. } => Decision::Write { undelete: is_soft_deleted },
                other => other,
            },
        }
    }

    /// Without a place to look at, an event is known by its id alone, wherever it stands in the stream.
    fn decide_by_ids(&self, stream: &str, ids: &[Uuid], undelete: bool) -> Decision {
        let places: Vec<Option<usize>> = ids.iter().map(|id| self.place_in(stream, *id)).collect();
        match (places.first(), places.last()) {
            (Some(Some(_)), Some(Some(last))) if places.iter().all(Option::is_some) => {
                Decision::Already(*last)
            }
            (Some(Some(_)), _) => Decision::Unexpected,
            _ => Decision::Write { undelete },
        }
    }

    fn place_in(&self, stream: &str, id: Uuid) -> Option<usize> {
        let place = *self.ids.get(&id)?;
        self.records.get(place).filter(|record| &*record.stream == stream).map(|_| place)
    }

    /// Where the stream goes on after `next`, the events there must be the very ones that are written.
    fn decide_at(&self, stream: &str, next: u64, ids: &[Uuid], may_revive: bool) -> Decision {
        let current = self.last_revision(stream).map_or(0, |last| last + 1);
        if next == current {
            return Decision::Write { undelete: may_revive };
        }
        let there =
            self.places(stream).get(usize::try_from(next).unwrap_or(usize::MAX)..).unwrap_or_default();
        let known = there.iter().zip(ids).take_while(|(place, id)| self.has_id(**place, **id)).count();
        match there.get(known.saturating_sub(1)) {
            Some(last) if known == ids.len() && known > 0 => Decision::Already(*last),
            _ if known == 0 && may_revive && next < current => Decision::Write { undelete: true },
            _ => Decision::Unexpected,
        }
    }

    fn has_id(&self, place: usize, id: Uuid) -> bool {
        self.records.get(place).is_some_and(|record| record.event.id == id)
    }
}
