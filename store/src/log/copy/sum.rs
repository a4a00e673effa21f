//! What a log comes to: how many events, and one checksum over all that is recorded of each, in their order. The bytes that are hashed
//! are ours, and no database's, so that the same log has the same sum on any.

use super::{BATCH, LogRows};
use crate::{
    checksum::Checksum,
    log::{Position, Recorded, StoreError, to_sql},
};

const VERSION: &str = "stele log 1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub events: u64,
    /// Of the last event.
    pub position: Position,
    /// SHA-256, in hex.
    pub checksum: String,
}

impl Sum {
    /// Reads a log from its beginning up to a position, and tells which one it has come to.
    pub(super) async fn of(
        rows: &dyn LogRows,
        until: Position,
        tell: impl Fn(Position),
    ) -> Result<Self, StoreError> {
        let mut checksum = Checksum::of(VERSION);
        let (mut events, mut position) = (0, Position::BEGINNING);
        while position < until {
            tell(position);
            let batch = rows.read_all(position, BATCH).await?;
            let before = events;
            for event in batch.iter().take_while(|event| event.position <= until) {
                add(&mut checksum, event);
                (events, position) = (events + 1, event.position);
            }
            if events == before {
                break;
            }
        }
        Ok(Self { events, position, checksum: checksum.finish() })
    }
}

fn add(checksum: &mut Checksum, recorded: &Recorded) {
    let event = &recorded.event;
    for number in [recorded.position.to_sql(), to_sql(recorded.version), recorded.recorded_at.0] {
        checksum.number(number);
    }
    for id in [event.id, event.correlation] {
        checksum.bytes(id.as_bytes());
    }
    checksum.optional(event.causation.as_ref().map(|id| id.as_bytes().as_slice()));
    for text in [recorded.stream.as_str(), &event.kind, &event.actor, &event.data] {
        checksum.bytes(text.as_bytes());
    }
    checksum.optional(event.sealed.as_ref().map(String::as_bytes));
}
