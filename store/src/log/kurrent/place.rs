//! What a position of ours says: where KurrentDB committed an event. An event that stands at `c` has the position `2c`, and `2c - 1`
//! is just before it: KurrentDB reads from places of events alone, while ours may be one less. Events that were copied from another
//! log keep the positions that they had there.

use eventstore::{Position as Place, StreamPosition};
use serde::{Deserialize, Serialize};

use crate::{Position, log::copy};

/// How many copied events may lie between two of which it is known where they stand: what is copied at once is noted once.
const STRIDE: u32 = copy::BATCH;

/// The last event that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    position: u64,
    commit: u64,
    /// What makes the positions of all that is appended here larger than that one. Even, so that `2c - 1` is just before `2c` still.
    shift: u64,
}

/// Where to begin to read what comes after a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) from: StreamPosition<Place>,
    /// How many events up to the position are read as well, at most.
    pub(super) before: u32,
}

/// The positions of a log.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of some copied events, in their order: the position, and where it was committed.
    known: Vec<(Position, u64)>,
    /// Whether more is being copied.
    growing: bool,
    copied: Option<Copied>,
}

impl Copied {
    pub(super) fn up_to(head: Position, commit: u64) -> Self {
        let lacks = head.0.saturating_sub(commit.saturating_mul(2));
        Self { position: head.0, commit, shift: lacks.next_multiple_of(2) }
    }

    pub(super) const fn is_at(self, position: Position) -> bool {
        self.position == position.0
    }
}

impl Places {
    pub(super) fn of(copied: Option<Copied>, known: Vec<(Position, u64)>) -> Self {
        Self { known, growing: false, copied }
    }

    /// Of a log to which events are copied.
    pub(super) fn growing(known: Vec<(Position, u64)>) -> Self {
        Self { known, growing: true, copied: None }
    }

    /// The last copied event of which it is known where it stands.
    pub(super) fn last_known(&self) -> Position {
        self.known.last().map_or(Position::BEGINNING, |(position, _)| *position)
    }

    pub(super) fn know(&mut self, position: Position, commit: u64) {
        self.known.push((position, commit));
    }

    /// The position of an event that was appended here, unless it was written in a transaction, whose events share a commit: such
    /// have no order of one number.
    pub(super) fn position(&self, place: Place) -> Option<Position> {
        let shift = self.copied.map_or(0, |copied| copied.shift);
        let number = place.commit.checked_mul(2)?.checked_add(shift)?;
        (place.commit == place.prepare && i64::try_from(number).is_ok()).then_some(Position(number))
    }

    pub(super) fn start(&self, after: Position) -> Start {
        match self.copied {
            Some(copied) if after.0 == copied.position => Start { from: at(copied.commit), before: 1 },
            // Nothing was appended before the last that was copied.
            Some(copied) if after.0 > copied.position => {
                appended(after.0.saturating_sub(copied.shift).max(copied.commit.saturating_mul(2)))
            }
            None if !self.growing => appended(after.0),
            Some(_) | None => self.near(after),
        }
    }

    /// From the last place before that is known.
    fn near(&self, after: Position) -> Start {
        let before = self.known.partition_point(|(position, _)| *position <= after);
        let known = before.checked_sub(1).and_then(|last| self.known.get(last));
        let from = known.map_or(StreamPosition::Start, |(_, commit)| at(*commit));
        Start { from, before: STRIDE + 1 }
    }
}

fn appended(after: u64) -> Start {
    match after.div_ceil(2) {
        0 => Start { from: StreamPosition::Start, before: 0 },
        commit => Start { from: at(commit), before: 1 },
    }
}

fn at(commit: u64) -> StreamPosition<Place> {
    StreamPosition::Position(Place { commit, prepare: commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(commit: u64) -> Place {
        Place { commit, prepare: commit }
    }

    #[test]
    fn what_is_appended_has_the_order_of_the_server_and_is_found_again() {
        let places = Places::default();
        assert_eq!(places.position(place(7)), Some(Position(14)));
        assert_eq!(places.start(Position(14)), Start { from: at(7), before: 1 });
        assert_eq!(places.start(Position(13)), Start { from: at(7), before: 1 });
        assert_eq!(places.start(Position(15)), Start { from: at(8), before: 1 });
        assert_eq!(places.position(Place { commit: 7, prepare: 6 }), None);
    }

    #[test]
    fn what_is_appended_after_a_copy_comes_behind_all_that_was_copied() {
        for (head, commit) in [(99, 10), (100, 10), (20, 10), (19, 10), (3, 10)] {
            let copied = Copied::up_to(Position(head), commit);
            let places = Places::of(Some(copied), vec![(Position(1), 2)]);
            let next = places.position(place(commit + 1)).unwrap();
            assert!(next > Position(head), "{next:?} after {head}");
            assert_eq!(places.start(next).from, at(commit + 1));
            assert_eq!(places.start(Position(head)).from, at(commit));
            if Position(head + 1) < next {
                let from = places.start(Position(head + 1)).from;
                assert!([at(commit), at(commit + 1)].contains(&from), "{from:?} after {head}");
            }
            // Just before it.
            assert_eq!(
                places.start(Position(next.0 - 1)).from,
                at(if next.0 - 1 == head { commit } else { commit + 1 })
            );
        }
    }

    #[test]
    fn a_copied_event_is_looked_for_from_the_last_place_that_is_known() {
        let known = vec![(Position(10), 100), (Position(20), 200)];
        for places in
            [Places::of(Some(Copied::up_to(Position(30), 300)), known.clone()), Places::growing(known)]
        {
            let from = |after| places.start(Position(after)).from;
            assert_eq!(
                [from(9), from(10), from(19), from(20), from(29)],
                [StreamPosition::Start, at(100), at(100), at(200), at(200)]
            );
        }
    }
}
