//! What readers see: pages of `$all` and of streams, as far as they are on disk and the stream's metadata lets them be seen.

use std::sync::Arc;

use serde_json::Value;

use super::Ledger;
use crate::event::{DELETED, Recorded, described_by};
use crate::retention::Metadata;

pub(crate) type Page = Vec<Arc<Recorded>>;

/// What of a stream is shown at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StreamState {
    Missing,
    /// For good.
    Deleted,
    /// The first and the last revision. There may be nothing left between them.
    Open {
        first: u64,
        last: u64,
    },
}

impl Ledger {
    /// How many events `$all` has.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// How many events of `$all` stand before this position.
    pub(crate) fn before(&self, position: u64) -> usize {
        self.all().partition_point(|record| record.position < position)
    }

    /// How many events of `$all` stand at this position or before it.
    pub(crate) fn up_to(&self, position: u64) -> usize {
        self.all().partition_point(|record| record.position <= position)
    }

    /// Events of `$all` from the one at `place` on.
    pub(crate) fn page(&self, place: usize, most: usize) -> Page {
        self.all().iter().skip(place).take(most).cloned().collect()
    }

    /// Events of `$all` before the one at `place`, the last one first.
    pub(crate) fn page_back(&self, place: usize, most: usize) -> Page {
        self.all().iter().take(place).rev().take(most).cloned().collect()
    }

    pub(crate) fn stream_state(&self, stream: &str) -> StreamState {
        let shown = self.shown_places(stream);
        let last = shown.last().and_then(|place| self.records.get(*place)).map(|record| record.revision);
        if last == Some(DELETED) || described_by(stream).is_some_and(|of| self.is_buried(of)) {
            return StreamState::Deleted;
        }
        let metadata = self.shown_metadata(stream);
        match last {
            Some(last) if !metadata.is_soft_deleted() => {
                StreamState::Open { first: metadata.first_shown(last), last }
            }
            _ => StreamState::Missing,
        }
    }

    /// Events of a stream from `revision` on. It must be open.
    pub(crate) fn stream_page(&self, stream: &str, revision: u64, most: usize, now: u64) -> Page {
        let Some((places, metadata)) = self.open(stream, revision, u64::MAX) else { return Page::new() };
        places.iter().filter_map(|place| self.young(*place, &metadata, now)).take(most).collect()
    }

    /// Events of a stream up to `revision`, the last one first. It must be open.
    pub(crate) fn stream_page_back(&self, stream: &str, revision: u64, most: usize, now: u64) -> Page {
        let Some((places, metadata)) = self.open(stream, 0, revision) else { return Page::new() };
        places.iter().rev().filter_map(|place| self.young(*place, &metadata, now)).take(most).collect()
    }

    /// What was said last in a stream, as JSON.
    pub(crate) fn shown_json(&self, stream: &str) -> Value {
        let last = self.shown_places(stream).last().and_then(|place| self.records.get(*place));
        last.and_then(|record| serde_json::from_slice(&record.event.data).ok()).unwrap_or_default()
    }

    /// The metadata that is on disk; that of a stream of metadata itself can't be set.
    pub(crate) fn shown_metadata(&self, stream: &str) -> Metadata {
        if described_by(stream).is_some() {
            return Metadata::of_metadata();
        }
        let name = crate::event::metadata_stream(stream);
        let last = self.shown_places(&name).last().and_then(|place| self.records.get(*place));
        last.map(|record| Metadata::read(&record.event.data)).unwrap_or_default()
    }

    fn all(&self) -> &[Arc<Recorded>] {
        self.records.get(..self.shown).unwrap_or_default()
    }

    fn shown_places(&self, stream: &str) -> &[usize] {
        let places = self.places(stream);
        let shown = places.partition_point(|place| *place < self.shown);
        places.get(..shown).unwrap_or_default()
    }

    fn is_buried(&self, stream: &str) -> bool {
        let last = self.shown_places(stream).last().and_then(|place| self.records.get(*place));
        last.is_some_and(|record| record.revision == DELETED)
    }

    fn open(&self, stream: &str, from: u64, to: u64) -> Option<(&[usize], Metadata)> {
        let StreamState::Open { first, last } = self.stream_state(stream) else { return None };
        let place = |revision: u64| usize::try_from(revision).ok();
        let places = self.shown_places(stream).get(place(from.max(first))?..=place(to.min(last))?)?;
        Some((places, self.shown_metadata(stream)))
    }

    fn young(&self, place: usize, metadata: &Metadata, now: u64) -> Option<Arc<Recorded>> {
        let record = self.records.get(place)?;
        (!metadata.is_too_old(record.created, now)).then(|| record.clone())
    }
}
