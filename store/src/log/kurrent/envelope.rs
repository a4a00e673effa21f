//! An event as KurrentDB keeps it: its id, type and data are KurrentDB's own, and all else of it is in the metadata. Every byte comes
//! back as it was given.

use std::borrow::Cow;

use domain::Time;
use eventstore::{EventData, RecordedEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::place::Places;
use crate::{
    Cause, Position,
    log::{NewEvent, Recorded, StoreError, StreamId},
};

/// Correlation and causation are named as KurrentDB's own projections know them.
#[derive(Serialize, Deserialize)]
struct Metadata<'e> {
    #[serde(rename = "$correlationId")]
    correlation: Uuid,
    #[serde(rename = "$causationId", default, skip_serializing_if = "Option::is_none")]
    causation: Option<Uuid>,
    actor: Cow<'e, str>,
    /// Microseconds. KurrentDB's own time is that of whichever node leads, and may fall.
    recorded_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Cow<'e, str>>,
    /// Of an event that was copied from another log: its position there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
}

/// An event on its way to the server.
pub(super) fn written(event: &NewEvent, recorded_at: Time) -> Result<EventData, serde_json::Error> {
    with_metadata(event, recorded_at, None)
}

/// An event of another log on its way to the server.
pub(super) fn copied(recorded: &Recorded) -> Result<EventData, serde_json::Error> {
    with_metadata(&recorded.event, recorded.recorded_at, Some(recorded.position.0))
}

fn with_metadata(
    event: &NewEvent,
    recorded_at: Time,
    position: Option<u64>,
) -> Result<EventData, serde_json::Error> {
    let metadata = Metadata {
        correlation: event.correlation,
        causation: event.causation,
        actor: Cow::Borrowed(&event.actor),
        recorded_at: recorded_at.0,
        sealed: event.sealed.as_deref().map(Cow::Borrowed),
        position,
    };
    data(event)?.id(event.id).metadata_as_json(&metadata)
}

/// As JSON, which KurrentDB shows and projects, wherever that keeps each byte.
fn data(event: &NewEvent) -> Result<EventData, serde_json::Error> {
    match serde_json::from_str::<&RawValue>(&event.data) {
        Ok(raw) if raw.get() == event.data => EventData::json(&event.kind, &raw),
        _ => Ok(EventData::binary(&event.kind, event.data.clone().into_bytes().into())),
    }
}

/// An event as it was read.
pub(super) fn read((prefix, places): (&str, &Places), event: &RecordedEvent) -> Result<Recorded, StoreError> {
    let (stream, version) = place(prefix, event);
    decode((event, places), &stream, version).map_err(|source| StoreError::Corrupt {
        stream,
        version,
        source,
    })
}

/// What someone else wrote to one of our streams, or the server itself, under a kind that nobody takes for one of ours. None for
/// what was written in a transaction, which has no place.
pub(super) fn foreign((prefix, places): (&str, &Places), event: &RecordedEvent) -> Option<Recorded> {
    let (stream, version) = place(prefix, event);
    let event_of_ours = NewEvent {
        id: event.id,
        kind: format!("foreign.{}", event.event_type),
        correlation: event.id,
        causation: None,
        actor: String::new(),
        data: String::from_utf8_lossy(&event.data).into_owned(),
        sealed: None,
    };
    Some(Recorded {
        event: event_of_ours,
        stream,
        version,
        position: places.position(event.position)?,
        recorded_at: Time(event.created.timestamp_micros()),
    })
}

/// The stream as Stele calls it, and the version there.
fn place(prefix: &str, event: &RecordedEvent) -> (StreamId, u64) {
    let named = event.stream_id().strip_prefix(prefix).unwrap_or(event.stream_id());
    (StreamId::named(named), event.revision.saturating_add(1))
}

fn decode(
    (event, places): (&RecordedEvent, &Places),
    stream: &StreamId,
    version: u64,
) -> Result<Recorded, Cause> {
    let metadata: Metadata<'_> = serde_json::from_slice(&event.custom_metadata)?;
    let position = metadata.position.map(Position).or_else(|| places.position(event.position));
    let position = position.ok_or("it was written in a transaction")?;
    Ok(Recorded {
        event: NewEvent {
            id: event.id,
            kind: event.event_type.clone(),
            correlation: metadata.correlation,
            causation: metadata.causation,
            actor: metadata.actor.into_owned(),
            data: String::from_utf8(event.data.to_vec())?,
            sealed: metadata.sealed.map(Cow::into_owned),
        },
        stream: stream.clone(),
        version,
        position,
        recorded_at: Time(metadata.recorded_at),
    })
}
