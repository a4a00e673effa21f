//! Has events published once more, from a place of the operator's choice: one message is put at the end of the stream, and the
//! relay, which goes on from there wherever that is, publishes the rest.

use store::Position;

use super::{
    RELAY, RelayError,
    message::{Message, Outward},
    stream::End,
};
use crate::{
    bus::{EventStream, Found},
    nats::Access,
};

const BATCH: u32 = 1000;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// This event is at the end of the stream, from where the relay goes on.
    From(Position),
    /// There is nothing public there, or only what was published so short a time ago that the stream knows it still.
    Nothing,
}

/// Publishes the first public event after `start` that the stream takes.
pub async fn publish_again(
    access: &Access,
    outward: &mut Outward,
    start: Position,
) -> Result<Again, RelayError> {
    let stream = EventStream::open(access, RELAY).await?;
    let end = end(&stream, outward).await?;
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(RelayError::Ahead(end.to_text(outward.log().log_id())));
    }
    let mut place = start;
    loop {
        let batch = outward.log().read_all(place, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(Again::Nothing) };
        place = last.position;
        for event in &batch {
            if let Some(message) = outward.message(event).await?
                && publish(&stream, &message).await?
            {
                return Ok(Again::From(event.position));
            }
        }
    }
}

/// Up to where the stream holds everything; none where it can't say.
async fn end(stream: &EventStream, outward: &Outward) -> Result<Option<Position>, RelayError> {
    Ok(match stream.end().await? {
        End::New => Some(Position::BEGINNING),
        End::Forgotten { .. } => None,
        End::At { last, .. } => match last.look_up(outward.log().as_ref()).await? {
            Found::Event(event) => Some(event.position),
            Found::Nothing => None,
            Found::Foreign => return Err(RelayError::Foreign(last.position)),
        },
    })
}

/// Puts a message at the end of the stream, wherever that is when it comes there; false if the stream knows it still.
async fn publish(stream: &EventStream, message: &Message) -> Result<bool, RelayError> {
    let acknowledged = stream.publish(message, None).await?.await?;
    Ok(!acknowledged.duplicate)
}
