//! Reads that end: of a stream and of `$all`, in both directions, page by page.

use std::collections::VecDeque;

use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::Status;

use crate::answer::{event, response, stream_deleted, stream_not_found};
use crate::clock;
use crate::filter::EventFilter;
use crate::ledger::{Page, StreamState};
use crate::wire::event_store::client::streams::ReadResp;
use crate::wire::event_store::client::streams::read_resp::Content;
use crate::writer::Log;

pub(crate) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

/// How many events are looked at under one lock.
pub(crate) const PAGE: usize = 256;

/// Where a read begins, and which way it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<T> {
    Forwards(T),
    Backwards(T),
}

/// Something that hands out one page after the other; an empty one is the end.
trait Pages: Send + 'static {
    fn next(&mut self, most: usize) -> Page;
}

/// A read of a stream from a revision on, that one included. The end of a stream is `u64::MAX`.
pub(crate) fn of_stream(log: &Log, stream: String, way: Way<u64>, most: u64) -> Result<Answers, Status> {
    let (first, last) = match log.read().stream_state(&stream) {
        StreamState::Missing => return Ok(stream::iter([Ok(stream_not_found(&stream))]).boxed()),
        StreamState::Deleted => return Err(stream_deleted(&stream)),
        StreamState::Open { first, last } => (first, last),
    };
    let mut pages = OfStream { log: log.clone(), stream, way: Some(way), now: clock::now() };
    let beginning = pages.next(PAGE.min(usize::try_from(most).unwrap_or(PAGE)));
    let head = (beginning.is_empty() && matches!(way, Way::Forwards(from) if from < first))
        .then(|| Ok(response(Content::FirstStreamPosition(first))));
    let tail = Ok(response(Content::LastStreamPosition(last)));
    let events = events(pages, beginning, most);
    Ok(stream::iter(head).chain(events).chain(stream::iter([tail])).boxed())
}

/// A read of `$all` from a place on: forwards with the event there, backwards with the one before it.
pub(crate) fn of_all(log: &Log, way: Way<usize>, most: u64, filter: Option<EventFilter>) -> Answers {
    events(OfAll { log: log.clone(), way, filter }, Page::new(), most).boxed()
}

fn events(
    pages: impl Pages,
    beginning: Page,
    most: u64,
) -> impl futures_util::Stream<Item = Result<ReadResp, Status>> + Send {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let begin = (pages, VecDeque::from(beginning));
    let records = stream::unfold(begin, |(mut pages, mut waiting)| async move {
        if waiting.is_empty() {
            waiting.extend(pages.next(PAGE));
        }
        waiting.pop_front().map(|record| (Ok(event(&record)), (pages, waiting)))
    });
    records.take(most)
}

struct OfStream {
    log: Log,
    stream: String,
    /// None at the end.
    way: Option<Way<u64>>,
    now: u64,
}

impl Pages for OfStream {
    fn next(&mut self, most: usize) -> Page {
        let ledger = self.log.read();
        let page = match self.way {
            Some(Way::Forwards(from)) => ledger.stream_page(&self.stream, from, most, self.now),
            Some(Way::Backwards(from)) => ledger.stream_page_back(&self.stream, from, most, self.now),
            None => Page::new(),
        };
        let last = page.last().map(|record| record.revision);
        self.way = match (self.way, last) {
            (Some(Way::Forwards(_)), Some(last)) => Some(Way::Forwards(last + 1)),
            (Some(Way::Backwards(_)), Some(last)) => last.checked_sub(1).map(Way::Backwards),
            _ => None,
        };
        page
    }
}

struct OfAll {
    log: Log,
    way: Way<usize>,
    filter: Option<EventFilter>,
}

impl OfAll {
    fn unfiltered(&mut self, most: usize) -> Page {
        let ledger = self.log.read();
        let (page, way) = match self.way {
            Way::Forwards(place) => {
                let page = ledger.page(place, most);
                let next = place + page.len();
                (page, Way::Forwards(next))
            }
            Way::Backwards(place) => {
                let page = ledger.page_back(place, most);
                let next = place.saturating_sub(page.len());
                (page, Way::Backwards(next))
            }
        };
        self.way = way;
        page
    }
}

impl Pages for OfAll {
    fn next(&mut self, most: usize) -> Page {
        loop {
            let mut page = self.unfiltered(most);
            let Some(filter) = &self.filter else { return page };
            let is_end = page.is_empty();
            page.retain(|record| filter.lets(record));
            if is_end || !page.is_empty() {
                return page;
            }
        }
    }
}
