//! All events in memory: every one in `$all`, each in its stream, found by id. Decides what becomes of a write; what is decided is
//! shown to readers only when it is on disk. Knows nothing of files and of the protocol.

mod decide;
mod shown;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::event::{
    DELETED, Expected, JSON, METADATA, Outcome, Proposed, Recorded, TOMBSTONE, metadata_stream,
};
use crate::retention::{Metadata, truncated};
use decide::Decision;

pub(crate) use shown::{Page, StreamState};

/// What a writer wants done.
#[derive(Debug)]
pub(crate) enum Order {
    Append {
        stream: String,
        expected: Expected,
        events: Vec<Proposed>,
    },
    /// So that its events are not shown any more, and it can be written to again.
    Delete {
        stream: String,
        expected: Expected,
    },
    /// For good.
    Tombstone {
        stream: String,
        expected: Expected,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    records: Vec<Arc<Recorded>>,
    /// For each stream the places of its events in `records`.
    streams: HashMap<Arc<str>, Vec<usize>>,
    ids: HashMap<Uuid, usize>,
    /// How many of `records` are on disk.
    shown: usize,
}

impl Ledger {
    /// What was read from disk.
    pub(crate) fn restore(&mut self, record: Recorded) {
        self.push(record);
        self.shown = self.records.len();
    }

    /// Everything that was decided until now is on disk.
    pub(crate) fn show(&mut self) -> usize {
        self.shown = self.records.len();
        self.shown
    }

    /// Decides about one order. The events that it adds stand from `position` on; they are the last of `records` then.
    pub(crate) fn take(&mut self, order: Order, position: u64, now: u64) -> Outcome {
        let (stream, expected, events) = match order {
            Order::Append { stream, expected, events } => (stream, expected, events),
            Order::Delete { stream, expected } => return self.delete(&stream, expected, position, now),
            Order::Tombstone { stream, expected } => return self.tombstone(&stream, expected, position, now),
        };
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        match self.decide(&stream, expected, &ids) {
            Decision::Write { undelete } => {
                let mut adding = Adding { ledger: self, position, now };
                if undelete {
                    adding.truncate(&stream);
                }
                for event in events {
                    adding.add(&stream, event);
                }
                self.written(&stream)
            }
            Decision::Already(place) => self.outcome_of(place),
            Decision::Unexpected => Outcome::Unexpected { current: self.last_revision(&stream) },
            Decision::Deleted => Outcome::Deleted,
        }
    }

    /// The events from the one at this place on, whether they are shown or not.
    pub(crate) fn since(&self, place: usize) -> &[Arc<Recorded>] {
        self.records.get(place..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    fn delete(&mut self, stream: &str, expected: Expected, position: u64, now: u64) -> Outcome {
        match self.decide(stream, expected, &[]) {
            Decision::Write { .. } | Decision::Already(_) => {
                let metadata = truncated(&self.raw_metadata(stream), DELETED);
                let mut adding = Adding { ledger: self, position, now };
                adding.describe(stream, metadata);
                self.written(&metadata_stream(stream))
            }
            Decision::Unexpected => Outcome::Unexpected { current: self.last_revision(stream) },
            Decision::Deleted => Outcome::Deleted,
        }
    }

    fn tombstone(&mut self, stream: &str, expected: Expected, position: u64, now: u64) -> Outcome {
        match self.decide(stream, expected, &[]) {
            Decision::Write { .. } | Decision::Already(_) => {
                Adding { ledger: self, position, now }.bury(stream);
                self.written(stream)
            }
            Decision::Unexpected => Outcome::Unexpected { current: self.last_revision(stream) },
            Decision::Deleted => Outcome::Deleted,
        }
    }

    fn written(&self, stream: &str) -> Outcome {
        match self.places(stream).last() {
            Some(place) => self.outcome_of(*place),
            None => Outcome::Written { revision: None, position: None },
        }
    }

    fn outcome_of(&self, place: usize) -> Outcome {
        let record = self.records.get(place);
        Outcome::Written {
            revision: record.map(|record| record.revision),
            position: record.map(|record| record.position),
        }
    }

    fn places(&self, stream: &str) -> &[usize] {
        self.streams.get(stream).map(Vec::as_slice).unwrap_or_default()
    }

    fn last(&self, stream: &str) -> Option<&Arc<Recorded>> {
        self.places(stream).last().and_then(|place| self.records.get(*place))
    }

    fn last_revision(&self, stream: &str) -> Option<u64> {
        self.last(stream).map(|record| record.revision)
    }

    fn raw_metadata(&self, stream: &str) -> Bytes {
        self.last(&metadata_stream(stream)).map(|record| record.event.data.clone()).unwrap_or_default()
    }

    fn metadata(&self, stream: &str) -> Metadata {
        Metadata::read(&self.raw_metadata(stream))
    }

    fn push(&mut self, record: Recorded) {
        let place = self.records.len();
        self.ids.insert(record.event.id, place);
        self.streams.entry(record.stream.clone()).or_default().push(place);
        self.records.push(Arc::new(record));
    }
}

/// One write that is being added.
struct Adding<'a> {
    ledger: &'a mut Ledger,
    position: u64,
    now: u64,
}

impl Adding<'_> {
    fn add(&mut self, stream: &str, event: Proposed) {
        let revision = self.ledger.last_revision(stream).map_or(0, |last| last + 1);
        self.record(stream, revision, event);
    }

    /// What is in the stream stays hidden when it is written to again.
    fn truncate(&mut self, stream: &str) {
        let next = self.ledger.last_revision(stream).map_or(0, |last| last + 1);
        let metadata = truncated(&self.ledger.raw_metadata(stream), next);
        self.describe(stream, metadata);
    }

    fn describe(&mut self, stream: &str, metadata: Vec<u8>) {
        self.add(&metadata_stream(stream), self.made_here(METADATA, metadata));
    }

    fn bury(&mut self, stream: &str) {
        let event = self.made_here(TOMBSTONE, Vec::new());
        self.record(stream, DELETED, event);
    }

    fn made_here(&self, kind: &str, data: Vec<u8>) -> Proposed {
        Proposed {
            id: Uuid::from_u64_pair(0, self.position),
            kind: kind.to_owned(),
            content_type: JSON.to_owned(),
            data: data.into(),
            metadata: Bytes::new(),
        }
    }

    fn record(&mut self, stream: &str, revision: u64, event: Proposed) {
        let stream = match self.ledger.streams.get_key_value(stream) {
            Some((name, _)) => name.clone(),
            None => Arc::from(stream),
        };
        self.ledger.push(Recorded { position: self.position, stream, revision, created: self.now, event });
        self.position += 1;
    }
}
