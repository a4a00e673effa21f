//! The service of streams: who may call, what is to go wrong, and which part of the server does the rest.

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};

use crate::access::Right;
use crate::answer::{stream_deleted, stream_name, unavailable, unexpected};
use crate::append::{append_answer, append_order, batch_answer, batch_failure, batch_order, batch_result};
use crate::connection::Wire;
use crate::event::{ALL, Expected, Outcome};
use crate::fault::{Call, Passage};
use crate::filter::EventFilter;
use crate::ledger::Order;
use crate::read::{self, Answers, Way};
use crate::server::Shared;
use crate::subscribe::{Followed, follow};
use crate::wire::event_store::client::streams::read_req::options::{
    AllOptions, CountOption, FilterOption, ReadDirection, StreamOption, StreamOptions,
    all_options::AllOption, stream_options::RevisionOption,
};
use crate::wire::event_store::client::streams::streams_server::Streams;
use crate::wire::event_store::client::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, TombstoneReq,
    TombstoneResp, delete_req, delete_resp, read_req, tombstone_req, tombstone_resp,
};

/// How many appends of one batch are under way at once.
const AT_ONCE: usize = 256;

#[derive(Debug, Clone)]
pub(crate) struct KeptStreams(pub(crate) Shared);

/// A call, as far as it says who makes it and on which connection.
#[derive(Debug, Clone)]
struct Caller {
    headers: MetadataMap,
    wire: Wire,
}

impl Caller {
    fn of(headers: &MetadataMap, extensions: &Extensions) -> Self {
        Self { headers: headers.clone(), wire: extensions.get::<Wire>().cloned().unwrap_or_default() }
    }
}

impl KeptStreams {
    async fn enter(
        &self,
        caller: &Caller,
        call: Call,
        right: Right,
        stream: &str,
    ) -> Result<Passage, Status> {
        let passage = self.0.faults.enter(call, stream, caller.wire.clone()).await?;
        self.0.access.check(&caller.headers, right, stream, &self.0.log.read())?;
        Ok(passage)
    }

    /// Writes under the name of a caller.
    async fn write(&self, caller: &Caller, call: Call, order: Order) -> Result<Outcome, Status> {
        let (right, stream) = match &order {
            Order::Append { stream, .. } => (Right::Write, stream.clone()),
            Order::Delete { stream, .. } | Order::Tombstone { stream, .. } => (Right::Delete, stream.clone()),
        };
        let passage = self.enter(caller, call, right, &stream).await?;
        let outcome = self.0.log.write(order).await.ok_or_else(unavailable)?;
        passage.leave().await?;
        Ok(outcome)
    }

    /// The position of what deletes a stream.
    async fn delete_with(&self, caller: &Caller, call: Call, order: Order) -> Result<Option<u64>, Status> {
        let (operation, stream) = match &order {
            Order::Append { stream, .. } => ("Append", stream.clone()),
            Order::Delete { stream, .. } => ("Delete", stream.clone()),
            Order::Tombstone { stream, .. } => ("Tombstone", stream.clone()),
        };
        match self.write(caller, call, order).await? {
            Outcome::Written { position, .. } => Ok(position),
            Outcome::Unexpected { .. } => Err(unexpected(operation, &stream)),
            Outcome::Deleted => Err(stream_deleted(&stream)),
        }
    }

    /// One append of a batch. What is wrong with it alone is answered, what is wrong with all ends the batch.
    async fn append_in_batch(
        &self,
        caller: Caller,
        request: BatchAppendReq,
    ) -> Result<BatchAppendResp, Status> {
        let correlation_id = request.correlation_id.clone();
        let named = request.options.as_ref().and_then(|options| options.stream_identifier.clone());
        let stream = stream_name(named)?;
        let order = match batch_order(request) {
            Ok(order) => order,
            Err(status) => return Ok(batch_answer(correlation_id, &stream, batch_failure(&status))),
        };
        let expected = expected_of(&order);
        let result = match self.write(&caller, Call::BatchAppend, order).await {
            Ok(outcome) => batch_result(expected, Some(outcome)),
            Err(status) if status.metadata().get("leader-endpoint-host").is_some() => return Err(status),
            Err(status) => batch_failure(&status),
        };
        Ok(batch_answer(correlation_id, &stream, result))
    }

    fn read_from(&self, options: read_req::Options) -> Result<Answers, Status> {
        let incomplete = || Status::invalid_argument("a read without a beginning, a number or a filter");
        let is_backwards = options.read_direction == i32::from(ReadDirection::Backwards);
        let count = options.count_option.ok_or_else(incomplete)?;
        let filter = match options.filter_option {
            Some(FilterOption::Filter(filter)) => Some(EventFilter::read(filter)?),
            _ => None,
        };
        let log = &self.0.log;
        match (options.stream_option.ok_or_else(incomplete)?, count) {
            (StreamOption::Stream(stream), CountOption::Count(most)) => {
                let (name, from) = beginning_of_stream(stream)?;
                let way = if is_backwards { Way::Backwards(from) } else { Way::Forwards(from) };
                read::of_stream(log, name, way, most)
            }
            (StreamOption::All(all), CountOption::Count(most)) => {
                let place = self.place(&all, false)?;
                let way = if is_backwards { Way::Backwards(place) } else { Way::Forwards(place) };
                Ok(read::of_all(log, way, most, filter))
            }
            (StreamOption::Stream(stream), CountOption::Subscription(_)) => {
                let (name, revision) = self.after(stream)?;
                Ok(follow(log, Followed::Stream { name, revision }))
            }
            (StreamOption::All(all), CountOption::Subscription(_)) => {
                Ok(follow(log, Followed::All { place: self.place(&all, true)?, filter }))
            }
        }
    }

    /// The place in `$all` that a position means: the event there is read, and a subscription begins after it.
    fn place(&self, all: &AllOptions, is_after: bool) -> Result<usize, Status> {
        let ledger = self.0.log.read();
        match all.all_option.as_ref() {
            Some(AllOption::Start(())) => Ok(0),
            Some(AllOption::End(())) => Ok(ledger.shown()),
            Some(AllOption::Position(position)) if is_after => Ok(ledger.up_to(position.commit_position)),
            Some(AllOption::Position(position)) => Ok(ledger.before(position.commit_position)),
            None => Err(Status::invalid_argument("a read of $all without a beginning")),
        }
    }

    /// The revision that a subscription begins with.
    fn after(&self, stream: StreamOptions) -> Result<(String, u64), Status> {
        let is_end = matches!(stream.revision_option, Some(RevisionOption::End(())));
        let is_start = matches!(stream.revision_option, Some(RevisionOption::Start(())));
        let (name, from) = beginning_of_stream(stream)?;
        let next = if is_end {
            let last = self.0.log.read().stream_page_back(&name, u64::MAX, 1, u64::MIN);
            last.first().map_or(0, |record| record.revision + 1)
        } else if is_start {
            0
        } else {
            from.saturating_add(1)
        };
        Ok((name, next))
    }
}

fn expected_of(order: &Order) -> Expected {
    match order {
        Order::Append { expected, .. }
        | Order::Delete { expected, .. }
        | Order::Tombstone { expected, .. } => *expected,
    }
}

fn beginning_of_stream(stream: StreamOptions) -> Result<(String, u64), Status> {
    let from = match stream.revision_option {
        Some(RevisionOption::Revision(revision)) => revision,
        Some(RevisionOption::Start(())) => 0,
        Some(RevisionOption::End(())) => u64::MAX,
        None => return Err(Status::invalid_argument("a read of a stream without a beginning")),
    };
    Ok((stream_name(stream.stream_identifier)?, from))
}

#[tonic::async_trait]
impl Streams for KeptStreams {
    type ReadStream = Answers;
    type BatchAppendStream = BoxStream<'static, Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Answers>, Status> {
        let (headers, extensions, request) = request.into_parts();
        let caller = Caller::of(&headers, &extensions);
        let options = request.options.ok_or_else(|| Status::invalid_argument("a read without options"))?;
        let stream = match &options.stream_option {
            Some(StreamOption::Stream(stream)) => stream_name(stream.stream_identifier.clone())?,
            _ => ALL.to_owned(),
        };
        let call = match options.count_option {
            Some(CountOption::Subscription(_)) => Call::Subscribe,
            _ => Call::Read,
        };
        let passage = self.enter(&caller, call, Right::Read, &stream).await?;
        let answers = self.read_from(options)?;
        Ok(Response::new(after_the_first(answers, passage)))
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        let (headers, extensions, messages) = request.into_parts();
        let caller = Caller::of(&headers, &extensions);
        let order = append_order(messages).await?;
        let expected = expected_of(&order);
        let Order::Append { stream, .. } = &order else { return Err(unavailable()) };
        let stream = stream.clone();
        let outcome = self.write(&caller, Call::Append, order).await?;
        append_answer(expected, outcome).map(Response::new).ok_or_else(|| stream_deleted(&stream))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        let (headers, extensions, messages) = request.into_parts();
        let caller = Caller::of(&headers, &extensions);
        let streams = self.clone();
        let answers = messages.map(move |message| {
            let (streams, caller) = (streams.clone(), caller.clone());
            async move { streams.append_in_batch(caller, message?).await }
        });
        Ok(Response::new(answers.buffer_unordered(AT_ONCE).boxed()))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        use delete_req::options::ExpectedStreamRevision as Wire;
        let (headers, extensions, request) = request.into_parts();
        let options =
            request.options.ok_or_else(|| Status::invalid_argument("a deletion without options"))?;
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Exact(revision),
            Some(Wire::NoStream(())) => Expected::NoStream,
            Some(Wire::StreamExists(())) => Expected::StreamExists,
            Some(Wire::Any(())) | None => Expected::Any,
        };
        let order = Order::Delete { stream: stream_name(options.stream_identifier)?, expected };
        let position = self.delete_with(&Caller::of(&headers, &extensions), Call::Delete, order).await?;
        let position_option = Some(match position {
            Some(position) => delete_resp::PositionOption::Position(delete_resp::Position {
                commit_position: position,
                prepare_position: position,
            }),
            None => delete_resp::PositionOption::NoPosition(()),
        });
        Ok(Response::new(DeleteResp { position_option }))
    }

    async fn tombstone(&self, request: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        use tombstone_req::options::ExpectedStreamRevision as Wire;
        let (headers, extensions, request) = request.into_parts();
        let options =
            request.options.ok_or_else(|| Status::invalid_argument("a tombstone without options"))?;
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Exact(revision),
            Some(Wire::NoStream(())) => Expected::NoStream,
            Some(Wire::StreamExists(())) => Expected::StreamExists,
            Some(Wire::Any(())) | None => Expected::Any,
        };
        let order = Order::Tombstone { stream: stream_name(options.stream_identifier)?, expected };
        let position = self.delete_with(&Caller::of(&headers, &extensions), Call::Tombstone, order).await?;
        let position_option = Some(match position {
            Some(position) => tombstone_resp::PositionOption::Position(tombstone_resp::Position {
                commit_position: position,
                prepare_position: position,
            }),
            None => tombstone_resp::PositionOption::NoPosition(()),
        });
        Ok(Response::new(TombstoneResp { position_option }))
    }
}

/// The answers of a read, with what is to go wrong after the first of them.
fn after_the_first(answers: Answers, passage: Passage) -> Answers {
    let begin = (answers, Some(passage), false);
    let answers = stream::unfold(begin, |(mut answers, mut passage, has_begun)| async move {
        if has_begun && let Some(passage) = passage.take() {
            if passage.is_the_end() {
                return None;
            }
            if let Err(status) = passage.leave().await {
                return Some((Err(status), (stream::empty().boxed(), None, true)));
            }
        }
        let answer = answers.next().await?;
        Some((answer, (answers, passage, true)))
    });
    answers.boxed()
}
