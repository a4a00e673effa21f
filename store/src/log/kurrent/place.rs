//! What a position of ours says: where KurrentDB committed an event. An event that stands at `c` has the position `2c`, and `2c - 1`
//! is just before it: KurrentDB reads from places of events alone, while ours may be one less.

use kurrentdb::{Position as Place, StreamPosition};

use crate::Position;

/// The position of an event, unless it was written in a transaction, whose events share a commit: such have no order of one number.
pub(super) fn position(place: Place) -> Option<Position> {
    let number = place.commit.checked_mul(2).filter(|number| i64::try_from(*number).is_ok())?;
    (place.commit == place.prepare).then_some(Position(number))
}

/// From where to read what comes after a position. What stands there itself is read as well.
pub(super) fn from(after: Position) -> StreamPosition<Place> {
    match after.0.div_ceil(2) {
        0 => StreamPosition::Start,
        commit => StreamPosition::Position(Place { commit, prepare: commit }),
    }
}
