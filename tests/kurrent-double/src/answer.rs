//! Answers in the shapes that clients of KurrentDB decode: events, and refusals whose reason stands in the metadata.

use std::collections::HashMap;

use bytes::Bytes;
use prost_types::Timestamp;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::clock::{self, TICKS_PER_SECOND};
use crate::event::Recorded;
use crate::wire::event_store::client::streams::ReadResp;
use crate::wire::event_store::client::streams::read_resp::read_event::{Position, RecordedEvent};
use crate::wire::event_store::client::streams::read_resp::{Checkpoint, Content, ReadEvent, StreamNotFound};
use crate::wire::event_store::client::{StreamIdentifier, Uuid as WireUuid, uuid as wire_uuid};

/// Where a node that does not lead says that the leader is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    pub host: String,
    pub port: u16,
}

pub(crate) fn not_leader(leader: &Leader) -> Status {
    let port = leader.port.to_string();
    let reasons = [
        ("exception", "not-leader"),
        ("leader-endpoint-host", leader.host.as_str()),
        ("leader-endpoint-port", port.as_str()),
    ];
    refusal(Code::NotFound, "Leader info available", &reasons)
}

pub(crate) fn access_denied() -> Status {
    refusal(Code::PermissionDenied, "Access Denied", &[("exception", "access-denied")])
}

pub(crate) fn unavailable() -> Status {
    Status::unavailable("Server Is Not Ready")
}

/// What the server answers of a write that it may have kept.
pub(crate) fn timed_out() -> Status {
    Status::aborted("Operation timed out: the commit")
}

pub(crate) fn stream_deleted(stream: &str) -> Status {
    let reasons = [("exception", "stream-deleted"), ("stream-name", stream)];
    refusal(Code::FailedPrecondition, &format!("Event stream '{stream}' is deleted."), &reasons)
}

pub(crate) fn unexpected(operation: &str, stream: &str) -> Status {
    let reasons = [("exception", "wrong-expected-version"), ("stream-name", stream)];
    let message = format!("{operation} failed due to WrongExpectedVersion. Stream: {stream}");
    refusal(Code::FailedPrecondition, &message, &reasons)
}

pub(crate) fn too_large(most: usize) -> Status {
    let most = most.to_string();
    let reasons = [("exception", "maximum-append-size-exceeded"), ("maximum-append-size", most.as_str())];
    refusal(Code::InvalidArgument, &format!("Maximum Append Size of {most} Exceeded."), &reasons)
}

fn refusal(code: Code, message: &str, reasons: &[(&'static str, &str)]) -> Status {
    let mut metadata = MetadataMap::new();
    for (key, value) in reasons {
        // The name of a stream may hold what a header can't.
        if let Ok(value) = MetadataValue::try_from(*value) {
            metadata.insert(*key, value);
        }
    }
    Status::with_metadata(code, message, metadata)
}

pub(crate) fn event(record: &Recorded) -> ReadResp {
    let metadata = HashMap::from([
        ("type".to_owned(), record.event.kind.clone()),
        ("content-type".to_owned(), record.event.content_type.clone()),
        ("created".to_owned(), record.created.to_string()),
    ]);
    let event = RecordedEvent {
        id: Some(WireUuid { value: Some(wire_uuid::Value::String(record.event.id.to_string())) }),
        stream_identifier: Some(identifier(&record.stream)),
        stream_revision: record.revision,
        prepare_position: record.position,
        commit_position: record.position,
        metadata,
        custom_metadata: record.event.metadata.clone(),
        data: record.event.data.clone(),
    };
    response(Content::Event(ReadEvent {
        event: Some(event),
        link: None,
        position: Some(Position::CommitPosition(record.position)),
    }))
}

pub(crate) fn checkpoint(position: u64) -> ReadResp {
    let timestamp = Some(timestamp());
    response(Content::Checkpoint(Checkpoint {
        commit_position: position,
        prepare_position: position,
        timestamp,
    }))
}

pub(crate) fn timestamp() -> Timestamp {
    let ticks = clock::now();
    let number = |ticks: u64| i64::try_from(ticks).unwrap_or(i64::MAX);
    Timestamp {
        seconds: number(ticks / TICKS_PER_SECOND),
        nanos: i32::try_from(ticks % TICKS_PER_SECOND * 100).unwrap_or_default(),
    }
}

pub(crate) fn stream_not_found(stream: &str) -> ReadResp {
    response(Content::StreamNotFound(StreamNotFound { stream_identifier: Some(identifier(stream)) }))
}

pub(crate) fn response(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

pub(crate) fn identifier(stream: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: Bytes::copy_from_slice(stream.as_bytes()) }
}

pub(crate) fn stream_name(identifier: Option<StreamIdentifier>) -> Result<String, Status> {
    let missing = || Status::invalid_argument("the name of a stream is missing");
    let name = identifier.ok_or_else(missing)?.stream_name;
    String::from_utf8(name.to_vec())
        .map_err(|_| Status::invalid_argument("the name of a stream is not UTF-8"))
}

pub(crate) fn id(id: Option<WireUuid>) -> Result<Uuid, Status> {
    match id.and_then(|id| id.value) {
        Some(wire_uuid::Value::Structured(halves)) => Ok(Uuid::from_u64_pair(
            halves.most_significant_bits.cast_unsigned(),
            halves.least_significant_bits.cast_unsigned(),
        )),
        Some(wire_uuid::Value::String(text)) => {
            Uuid::try_parse(&text).map_err(|_| Status::invalid_argument("not an id"))
        }
        None => Err(Status::invalid_argument("an id is missing")),
    }
}
