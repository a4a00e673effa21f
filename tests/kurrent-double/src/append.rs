//! Appends as clients send them, one at a time and in batches, and what they are answered.

use prost::Message;
use prost_types::Any;
use tonic::{Code, Status, Streaming};

use crate::answer::{id, identifier, stream_name, too_large, unavailable};
use crate::event::{Expected, Outcome, Proposed};
use crate::ledger::Order;
use crate::wire::event_store::client::AllStreamPosition;
use crate::wire::event_store::client::details::wrong_expected_version as detail;
use crate::wire::event_store::client::details::{Status as BatchError, WrongExpectedVersion as Detail};
use crate::wire::event_store::client::streams::append_req::{Content, options::ExpectedStreamRevision};
use crate::wire::event_store::client::streams::append_resp::{
    Position, Result as Appended, Success, WrongExpectedVersion, success, wrong_expected_version as wrong,
};
use crate::wire::event_store::client::streams::batch_append_req::options::{
    DeadlineOption, ExpectedStreamPosition,
};
use crate::wire::event_store::client::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, append_req, batch_append_req, batch_append_resp,
};

/// Of all events of one append, in bytes of their data, as a server is set up by default.
pub(crate) const LARGEST_APPEND: usize = 1024 * 1024;

const OK: i32 = 0;

/// Reads one whole append.
pub(crate) async fn append_order(mut messages: Streaming<AppendReq>) -> Result<Order, Status> {
    let out_of_order = || Status::invalid_argument("an append is its options and then its events");
    let Some(Content::Options(options)) = messages.message().await?.and_then(|message| message.content)
    else {
        return Err(out_of_order());
    };
    let stream = stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_revision.ok_or_else(out_of_order)? {
        ExpectedStreamRevision::Revision(revision) => Expected::Exact(revision),
        ExpectedStreamRevision::NoStream(()) => Expected::NoStream,
        ExpectedStreamRevision::Any(()) => Expected::Any,
        ExpectedStreamRevision::StreamExists(()) => Expected::StreamExists,
    };
    let mut events = Vec::new();
    let mut size = 0;
    while let Some(message) = messages.message().await? {
        let Some(Content::ProposedMessage(event)) = message.content else { return Err(out_of_order()) };
        size += event.data.len() + event.custom_metadata.len();
        if size > LARGEST_APPEND {
            return Err(too_large(LARGEST_APPEND));
        }
        events.push(proposed(event)?);
    }
    Ok(Order::Append { stream, expected, events })
}

fn proposed(mut event: append_req::ProposedMessage) -> Result<Proposed, Status> {
    let mut required = |key: &str| {
        let missing = || Status::invalid_argument(format!("Required Metadata Property '{key}' is missing"));
        event.metadata.remove(key).ok_or_else(missing)
    };
    Ok(Proposed {
        kind: required("type")?,
        content_type: required("content-type")?,
        id: id(event.id)?,
        data: event.data,
        metadata: event.custom_metadata,
    })
}

pub(crate) fn append_answer(expected: Expected, outcome: Outcome) -> Option<AppendResp> {
    let result = match outcome {
        Outcome::Written { revision, position } => Appended::Success(Success {
            current_revision_option: Some(match revision {
                Some(revision) => success::CurrentRevisionOption::CurrentRevision(revision),
                None => success::CurrentRevisionOption::NoStream(()),
            }),
            position_option: Some(match position {
                Some(position) => success::PositionOption::Position(Position {
                    commit_position: position,
                    prepare_position: position,
                }),
                None => success::PositionOption::NoPosition(()),
            }),
        }),
        Outcome::Unexpected { current } => Appended::WrongExpectedVersion(unexpected(expected, current)),
        Outcome::Deleted => return None,
    };
    Some(AppendResp { result: Some(result) })
}

/// Says it twice, as servers do: for clients of today, and for those of 20.6.
fn unexpected(expected: Expected, current: Option<u64>) -> WrongExpectedVersion {
    use wrong::{
        CurrentRevisionOption as Now, CurrentRevisionOption2060 as NowOld, ExpectedRevisionOption as Then,
        ExpectedRevisionOption2060 as ThenOld,
    };
    WrongExpectedVersion {
        current_revision_option_20_6_0: Some(
            current.map_or(NowOld::NoStream2060(()), NowOld::CurrentRevision2060),
        ),
        expected_revision_option_20_6_0: match expected {
            Expected::Exact(revision) => Some(ThenOld::ExpectedRevision2060(revision)),
            Expected::Any => Some(ThenOld::Any2060(())),
            Expected::StreamExists => Some(ThenOld::StreamExists2060(())),
            Expected::NoStream => None,
        },
        current_revision_option: Some(current.map_or(Now::CurrentNoStream(()), Now::CurrentRevision)),
        expected_revision_option: Some(match expected {
            Expected::Exact(revision) => Then::ExpectedRevision(revision),
            Expected::Any => Then::ExpectedAny(()),
            Expected::StreamExists => Then::ExpectedStreamExists(()),
            Expected::NoStream => Then::ExpectedNoStream(()),
        }),
    }
}

/// Reads one append of a batch. Each is whole: the client splits none.
pub(crate) fn batch_order(request: BatchAppendReq) -> Result<Order, Status> {
    let options = request.options.ok_or_else(|| Status::invalid_argument("an append without options"))?;
    let stream = stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_position {
        Some(ExpectedStreamPosition::StreamPosition(revision)) => Expected::Exact(revision),
        Some(ExpectedStreamPosition::NoStream(())) => Expected::NoStream,
        Some(ExpectedStreamPosition::Any(())) => Expected::Any,
        Some(ExpectedStreamPosition::StreamExists(())) => Expected::StreamExists,
        None => return Err(Status::invalid_argument("an append that expects nothing")),
    };
    if let Some(DeadlineOption::Deadline(deadline)) = options.deadline_option
        && deadline.seconds <= 0
        && deadline.nanos <= 0
    {
        return Err(Status::deadline_exceeded("Timeout"));
    }
    let size: usize =
        request.proposed_messages.iter().map(|event| event.data.len() + event.custom_metadata.len()).sum();
    if size > LARGEST_APPEND {
        return Err(too_large(LARGEST_APPEND));
    }
    let events = request.proposed_messages.into_iter().map(proposed_in_batch).collect::<Result<_, _>>()?;
    Ok(Order::Append { stream, expected, events })
}

fn proposed_in_batch(event: batch_append_req::ProposedMessage) -> Result<Proposed, Status> {
    let batch_append_req::ProposedMessage { id, metadata, custom_metadata, data } = event;
    proposed(append_req::ProposedMessage { id, metadata, custom_metadata, data })
}

pub(crate) fn batch_result(expected: Expected, outcome: Option<Outcome>) -> batch_append_resp::Result {
    use batch_append_resp::{Success, success};
    match outcome {
        Some(Outcome::Written { revision, position }) => batch_append_resp::Result::Success(Success {
            current_revision_option: Some(match revision {
                Some(revision) => success::CurrentRevisionOption::CurrentRevision(revision),
                None => success::CurrentRevisionOption::NoStream(()),
            }),
            position_option: Some(match position {
                Some(position) => success::PositionOption::Position(AllStreamPosition {
                    commit_position: position,
                    prepare_position: position,
                }),
                None => success::PositionOption::NoPosition(()),
            }),
        }),
        Some(Outcome::Unexpected { current }) => batch_append_resp::Result::Error(BatchError {
            code: Code::AlreadyExists.into(),
            message: "WrongExpectedVersion".to_owned(),
            details: Some(packed(&detail(expected, current))),
        }),
        Some(Outcome::Deleted) => failure(Code::NotFound.into(), "StreamDeleted"),
        None => batch_failure(&unavailable()),
    }
}

fn detail(expected: Expected, current: Option<u64>) -> Detail {
    use detail::{CurrentStreamRevisionOption as Now, ExpectedStreamPositionOption as Then};
    Detail {
        current_stream_revision_option: Some(
            current.map_or(Now::CurrentNoStream(()), Now::CurrentStreamRevision),
        ),
        expected_stream_position_option: Some(match expected {
            Expected::Exact(revision) => Then::ExpectedStreamPosition(revision),
            Expected::Any => Then::ExpectedAny(()),
            Expected::StreamExists => Then::ExpectedStreamExists(()),
            Expected::NoStream => Then::ExpectedNoStream(()),
        }),
    }
}

fn packed(detail: &Detail) -> Any {
    Any {
        type_url: "type.googleapis.com/event_store.client.WrongExpectedVersion".to_owned(),
        value: detail.encode_to_vec(),
    }
}

/// How a batch tells of one append that was refused, while it goes on.
pub(crate) fn batch_failure(status: &Status) -> batch_append_resp::Result {
    match status.code() {
        Code::PermissionDenied | Code::Unauthenticated => {
            failure(Code::PermissionDenied.into(), "AccessDenied")
        }
        Code::Aborted | Code::DeadlineExceeded => failure(Code::DeadlineExceeded.into(), "Timeout"),
        // A server that is not ready sets no code.
        Code::Unavailable => failure(OK, status.message()),
        code => failure(code.into(), status.message()),
    }
}

fn failure(code: i32, message: &str) -> batch_append_resp::Result {
    batch_append_resp::Result::Error(BatchError { code, message: message.to_owned(), details: None })
}

pub(crate) fn batch_answer(
    correlation_id: Option<crate::wire::event_store::client::Uuid>,
    stream: &str,
    result: batch_append_resp::Result,
) -> BatchAppendResp {
    BatchAppendResp {
        correlation_id,
        result: Some(result),
        stream_identifier: Some(identifier(stream)),
        expected_stream_position: None,
    }
}
