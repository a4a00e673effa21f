//! What becomes of each append of a batch: which version and position its events get, or which stream is in its way.
//! Reads and writes nothing.

use std::collections::{HashMap, HashSet};

use domain::Time;
use uuid::Uuid;

use super::{Outcome, Request};
use crate::{
    clock,
    log::{NewEvent, Position, StoreError, StreamId, Write},
};

/// The last event of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) version: u64,
    pub(crate) recorded_at: Time,
}

impl Tail {
    const START: Self = Self { version: 0, recorded_at: Time(0) };
}

/// Where an event is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) stream: StreamId,
    pub(crate) position: Position,
}

/// An event that has its place, and what is the last of its stream by it.
pub(crate) struct Placed<'b> {
    pub(crate) stream: &'b StreamId,
    pub(crate) event: &'b NewEvent,
    pub(crate) tail: Tail,
    pub(crate) position: Position,
}

/// What becomes of one append.
enum Fate<'b> {
    Taken(Position),
    /// A stream is not as was expected, or has an event already. That is no conflict if all of them are there.
    Refused(&'b StreamId, &'b [Write]),
}

/// The streams that a batch writes to.
pub(super) fn streams(batch: &[Request]) -> Vec<&StreamId> {
    let writes = batch.iter().flat_map(|request| &request.writes);
    writes.map(|write| &write.stream).collect::<HashSet<_>>().into_iter().collect()
}

/// The ids of all events of a batch.
pub(super) fn ids(batch: &[Request]) -> Vec<Uuid> {
    batch.iter().flat_map(|request| ids_of(&request.writes)).collect()
}

fn ids_of(writes: &[Write]) -> impl Iterator<Item = Uuid> {
    writes.iter().flat_map(|write| &write.events).map(|event| event.id)
}

/// A batch on its way into the log.
pub(super) struct Plan<'b> {
    head: Position,
    tails: HashMap<StreamId, Tail>,
    /// Events that the log holds or will hold, as far as they are known.
    places: HashMap<Uuid, Place>,
    events: Vec<Placed<'b>>,
    fates: Vec<Fate<'b>>,
}

impl<'b> Plan<'b> {
    pub(super) fn new(head: Position, tails: HashMap<StreamId, Tail>, places: HashMap<Uuid, Place>) -> Self {
        Self { head, tails, places, events: Vec::new(), fates: Vec::new() }
    }

    /// Takes all of an append or nothing.
    pub(super) fn append(&mut self, writes: &'b [Write]) {
        if let Some(stream) = self.unexpected(writes).or_else(|| self.reused(writes)) {
            self.fates.push(Fate::Refused(stream, writes));
            return;
        }
        for write in writes {
            self.place(write);
        }
        self.fates.push(Fate::Taken(self.head));
    }

    /// The events to be recorded, in their order.
    pub(super) fn events(&self) -> &[Placed<'b>] {
        &self.events
    }

    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// The events of appends that were refused: an earlier attempt may have recorded them.
    pub(super) fn refused(&self) -> Vec<Uuid> {
        let refused = self.fates.iter().filter_map(|fate| match fate {
            Fate::Refused(_, writes) => Some(*writes),
            Fate::Taken(_) => None,
        });
        refused.flat_map(ids_of).collect()
    }

    pub(super) fn learn(&mut self, places: HashMap<Uuid, Place>) {
        self.places.extend(places);
    }

    /// One for each append, in their order.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let outcome = |fate: &Fate<'_>| match fate {
            Fate::Taken(position) => Ok(*position),
            Fate::Refused(stream, writes) => {
                let conflict = StoreError::Conflict { stream: (*stream).clone() };
                self.written_before(writes).ok_or(conflict)
            }
        };
        self.fates.iter().map(outcome).collect()
    }

    /// A stream that does not hold as many events as was expected; those of earlier writes of the same append count.
    fn unexpected(&self, writes: &'b [Write]) -> Option<&'b StreamId> {
        let mut added: HashMap<&StreamId, u64> = HashMap::new();
        writes.iter().find_map(|write| {
            let added = added.entry(&write.stream).or_default();
            if self.tail(&write.stream).version + *added != write.expected {
                return Some(&write.stream);
            }
            *added += u64::try_from(write.events.len()).unwrap_or(u64::MAX);
            None
        })
    }

    fn tail(&self, stream: &StreamId) -> Tail {
        self.tails.get(stream).copied().unwrap_or(Tail::START)
    }

    /// A stream that would get an event whose id was given to an event before.
    fn reused(&self, writes: &'b [Write]) -> Option<&'b StreamId> {
        let mut given = HashSet::new();
        let mut is_new = |event: &NewEvent| !self.places.contains_key(&event.id) && given.insert(event.id);
        writes.iter().find(|write| !write.events.iter().all(&mut is_new)).map(|write| &write.stream)
    }

    /// Where the last of these events stands, if every one is in its stream.
    fn written_before(&self, writes: &[Write]) -> Option<Position> {
        let mut last = None;
        for write in writes {
            for event in &write.events {
                let place = self.places.get(&event.id).filter(|place| place.stream == write.stream)?;
                last = last.max(Some(place.position));
            }
        }
        last
    }

    fn place(&mut self, write: &'b Write) {
        let stream = &write.stream;
        let mut tail = self.tail(stream);
        for event in &write.events {
            self.head.0 += 1;
            tail = Tail { version: tail.version + 1, recorded_at: clock::now().max(tail.recorded_at) };
            self.places.insert(event.id, Place { stream: stream.clone(), position: self.head });
            self.events.push(Placed { stream, event, tail, position: self.head });
        }
        self.tails.insert(stream.clone(), tail);
    }
}
