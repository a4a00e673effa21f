//! What a log comes to: how many events, and one SHA-256 over all that is recorded of each, in their order. The bytes that are hashed
//! are ours, and no database's, so that the same log has the same sum on any.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{BATCH, LogRows};
use crate::log::{Position, Recorded, StoreError};

/// What is hashed, and how. A change of either is another version.
const VERSION: &[u8] = b"stele log 1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub events: u64,
    /// Of the last event.
    pub position: Position,
    /// In hex.
    pub checksum: String,
}

impl Sum {
    /// Reads a log from its beginning up to a position, and tells how many events it has come to.
    pub(super) async fn of(
        rows: &dyn LogRows,
        until: Position,
        tell: impl Fn(u64),
    ) -> Result<Self, StoreError> {
        let mut hash = Sha256::new();
        hash.update(VERSION);
        let (mut events, mut position) = (0, Position::BEGINNING);
        while position < until {
            tell(events);
            let batch = rows.read_all(position, BATCH).await?;
            let batch = batch.iter().take_while(|event| event.position <= until);
            let before = events;
            for event in batch {
                add(&mut hash, event);
                (events, position) = (events + 1, event.position);
            }
            if events == before {
                break;
            }
        }
        Ok(Self { events, position, checksum: HEXLOWER.encode(&hash.finalize()) })
    }
}

fn add(hash: &mut Sha256, recorded: &Recorded) {
    let event = &recorded.event;
    hash.update(recorded.position.to_sql().to_be_bytes());
    hash.update(recorded.version.to_be_bytes());
    hash.update(recorded.recorded_at.0.to_be_bytes());
    hash.update(event.id.as_bytes());
    hash.update(event.correlation.as_bytes());
    optional(hash, event.causation.as_ref().map(|id| id.as_bytes().as_slice()));
    for text in [recorded.stream.as_str(), &event.kind, &event.actor, &event.data] {
        bytes(hash, text.as_bytes());
    }
    optional(hash, event.sealed.as_ref().map(String::as_bytes));
}

fn optional(hash: &mut Sha256, value: Option<&[u8]>) {
    hash.update([u8::from(value.is_some())]);
    bytes(hash, value.unwrap_or_default());
}

/// With their length before them: where one text ends can't be mistaken.
fn bytes(hash: &mut Sha256, value: &[u8]) {
    hash.update((value.len() as u64).to_be_bytes());
    hash.update(value);
}
