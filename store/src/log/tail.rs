//! Reads of streams that are asked for at the same moment, as one statement: on its way to the database and back a statement costs
//! many times what it costs there. Knows no SQL.

use super::{Recorded, StoreError, StreamId};

/// Asks for the events of a stream after a version.
pub(super) struct Tail {
    pub(super) stream: StreamId,
    pub(super) after: u64,
}

/// The events of a stream, or why they can't be read.
pub(super) type Events = Result<Vec<Recorded>, StoreError>;

/// Gives each event to the one of `count` who asked for it. One that can't be read fails only him.
pub(super) fn deal(
    count: usize,
    events: impl IntoIterator<Item = (i64, Result<Recorded, StoreError>)>,
) -> Vec<Events> {
    let mut answers: Vec<Events> = (0..count).map(|_| Ok(Vec::new())).collect();
    for (asked, event) in events {
        let Some(answer) = usize::try_from(asked).ok().and_then(|asked| answers.get_mut(asked)) else {
            continue;
        };
        match (event, answer) {
            (Ok(event), Ok(events)) => events.push(event),
            (Err(error), answer) => *answer = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
    answers
}
