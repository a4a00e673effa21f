//! The contract of the event log as laws that every adapter is held to, through two handles on one log, such as two
//! processes have. Knows the port alone; `model` shows that each law sees the fault that it is there for.

mod flood;
mod laws;
mod model;

use std::{fmt, sync::Arc};

pub(crate) use flood::{Reader, flood};

use super::{EventLog, NewEvent, Position, Recorded, StoreError, StreamId, Write};
use crate::{chain, random};

/// How a log broke its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(String);

pub(crate) type Verdict = Result<(), Violation>;

/// What an adapter makes of one append to several streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appends {
    InOneTransaction,
    OneAfterAnother,
}

/// Two handles on the same log.
pub(crate) struct Handles {
    pub(crate) one: Arc<dyn EventLog>,
    pub(crate) other: Arc<dyn EventLog>,
}

impl Handles {
    fn both(&self) -> [&Arc<dyn EventLog>; 2] {
        [&self.one, &self.other]
    }
}

/// Panics with every law that a log breaks. `open` opens the same log each time, as another process would; the log may
/// hold other events, but no one else writes to it meanwhile. Wants a runtime with several threads.
pub(crate) async fn hold(appends: Appends, open: impl AsyncFn() -> Arc<dyn EventLog>) {
    let broken = violations(appends, open).await;
    assert!(broken.is_empty(), "the log breaks its contract:\n{}", broken.join("\n"));
}

/// Every law that a log breaks, and how.
async fn violations(appends: Appends, open: impl AsyncFn() -> Arc<dyn EventLog>) -> Vec<String> {
    let log = Handles { one: open().await, other: open().await };
    let mut broken = Vec::new();
    macro_rules! hold_to {
        ($($law:ident),+ $(,)?) => {$(
            if let Err(violation) = laws::$law(&log).await {
                broken.push(format!("{}: {violation}", stringify!($law).replace('_', " ")));
            }
        )+};
    }
    hold_to!(
        versions_count_from_one_without_gaps,
        a_stream_that_is_not_as_expected_takes_nothing,
        the_same_event_twice_is_one_event,
        a_known_event_is_not_written_at_the_newest_version_either,
        an_event_sent_by_many_at_once_is_one_event,
        a_stream_is_read_from_any_version_and_from_its_end,
        the_feed_is_read_in_pages_of_any_size,
        some_kinds_of_streams_are_read_without_the_others,
        the_head_is_where_the_newest_event_stands,
        positions_rise_with_every_acknowledged_append,
        the_time_of_recording_never_falls_within_a_stream,
        every_byte_comes_back_as_it_was_written,
        growth_is_announced_on_every_handle,
        the_log_keeps_its_name,
        numbers_of_a_sequence_are_dealt_out_once,
        an_append_of_nothing_records_nothing,
        thousands_of_events_go_in_one_append,
    );
    if appends == Appends::InOneTransaction {
        hold_to!(
            several_writes_are_all_written_or_none,
            writes_to_one_stream_follow_each_other,
            many_streams_go_in_one_append,
            megabytes_go_in_one_append,
        );
    }
    if let Err(violation) = flood(&log, Reader::Careful).await {
        broken.push(format!("everyone sees one order: {violation}"));
    }
    broken
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("refused: {}", chain(&error)))
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation(otherwise())) }
}

fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, wanted: &T) -> Verdict {
    ensure(found == wanted, || format!("{what}: found {found:?}, wanted {wanted:?}"))
}

/// A stream that no one else has.
pub(crate) fn new_stream() -> StreamId {
    StreamId::named(format!("law-{}", random::id().simple()))
}

pub(crate) fn event(data: impl Into<String>) -> NewEvent {
    NewEvent {
        id: random::id(),
        kind: "law.tried.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "contract".to_owned(),
        data: data.into(),
        sealed: None,
    }
}

pub(crate) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|number| event(format!("{{\"number\":{number}}}"))).collect()
}

pub(crate) fn write(stream: &StreamId, expected: u64, events: &[NewEvent]) -> Write {
    Write { stream: stream.clone(), expected, events: events.to_vec() }
}

fn ids(events: &[Recorded]) -> Vec<uuid::Uuid> {
    events.iter().map(|recorded| recorded.event.id).collect()
}

/// All that the log holds after a position, read page by page.
pub(crate) async fn feed(log: &dyn EventLog, after: Position, page: u32) -> Result<Vec<Recorded>, Violation> {
    let mut all: Vec<Recorded> = Vec::new();
    let mut place = after;
    loop {
        let batch = log.read_all(place, page).await?;
        let Some(last) = batch.last() else { return Ok(all) };
        ensure(last.position > place, || format!("what stands after {place:?} ends at {:?}", last.position))?;
        place = last.position;
        all.extend(batch);
    }
}
