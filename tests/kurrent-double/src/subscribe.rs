//! Reads that do not end: of a stream and of `$all`, from a place on, first what there is and then what comes. Say when they have
//! caught up and when they fell behind, and where they stand when a filter lets nothing through.

use std::collections::VecDeque;

use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;
use tonic::Status;
use uuid::Uuid;

use crate::answer::{checkpoint, event, response, stream_deleted, timestamp, unavailable};
use crate::clock;
use crate::filter::EventFilter;
use crate::ledger::{Page, StreamState};
use crate::read::{Answers, PAGE};
use crate::wire::event_store::client::streams::ReadResp;
use crate::wire::event_store::client::streams::read_resp::{
    CaughtUp, Content, FellBehind, Position, SubscriptionConfirmation,
};
use crate::writer::Log;

/// How many events may wait for a subscription that has caught up before it has fallen behind.
const LIVE: usize = 32;

/// What is followed, and from where on: the next place in `$all`, or the next revision of a stream.
#[derive(Debug)]
pub(crate) enum Followed {
    All { place: usize, filter: Option<EventFilter> },
    Stream { name: String, revision: u64 },
}

pub(crate) fn follow(log: &Log, followed: Followed) -> Answers {
    let mut following = Following {
        log: log.clone(),
        news: log.news(),
        followed,
        waiting: VecDeque::new(),
        has_caught_up: false,
        looked_at: 0,
    };
    let subscription_id = Uuid::from_u64_pair(clock::now(), std::process::id().into()).to_string();
    following.say(Content::Confirmation(SubscriptionConfirmation { subscription_id }));
    let answers = stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        match following.next().await {
            Ok(answer) => Some((Ok(answer), Some(following))),
            Err(status) => Some((Err(status), None)),
        }
    });
    answers.boxed()
}

struct Following {
    log: Log,
    news: watch::Receiver<usize>,
    followed: Followed,
    waiting: VecDeque<ReadResp>,
    has_caught_up: bool,
    /// How many events a filter has looked at since the last checkpoint.
    looked_at: u64,
}

impl Following {
    /// Never comes to an end: a client that is told of one asks for more at once, for ever.
    async fn next(&mut self) -> Result<ReadResp, Status> {
        loop {
            if let Some(answer) = self.waiting.pop_front() {
                return Ok(answer);
            }
            self.news.mark_unchanged();
            let (stream_revision, position) = self.stands();
            let page = self.page()?;
            if self.has_caught_up && page.len() > LIVE {
                self.has_caught_up = false;
                let timestamp = Some(timestamp());
                self.say(Content::FellBehind(FellBehind { timestamp, stream_revision, position }));
            }
            if !page.is_empty() {
                self.pass(&page);
            } else if self.has_caught_up {
                self.news.changed().await.map_err(|_| unavailable())?;
            } else {
                self.catch_up();
            }
        }
    }

    fn page(&mut self) -> Result<Page, Status> {
        let ledger = self.log.read();
        match &mut self.followed {
            Followed::All { place, .. } => {
                let page = ledger.page(*place, PAGE);
                *place += page.len();
                Ok(page)
            }
            Followed::Stream { name, revision } => match ledger.stream_state(name) {
                StreamState::Missing => Ok(Page::new()),
                StreamState::Deleted => Err(stream_deleted(name)),
                StreamState::Open { .. } => {
                    let page = ledger.stream_page(name, *revision, PAGE, clock::now());
                    *revision = page.last().map_or(*revision, |record| record.revision + 1);
                    Ok(page)
                }
            },
        }
    }

    fn pass(&mut self, page: &Page) {
        for record in page {
            let Followed::All { filter: Some(filter), .. } = &self.followed else {
                self.waiting.push_back(event(record));
                continue;
            };
            let is_due = self.looked_at + 1 >= filter.interval;
            if filter.lets(record) {
                self.waiting.push_back(event(record));
            }
            self.looked_at += 1;
            if is_due {
                self.waiting.push_back(checkpoint(record.position));
                self.looked_at = 0;
            }
        }
    }

    fn catch_up(&mut self) {
        self.has_caught_up = true;
        let (stream_revision, position) = self.stands();
        if matches!(self.followed, Followed::All { filter: Some(_), .. }) {
            self.waiting.extend(position.map(|position| checkpoint(position.commit_position)));
            self.looked_at = 0;
        }
        self.say(Content::CaughtUp(CaughtUp { timestamp: Some(timestamp()), stream_revision, position }));
    }

    /// The last that was looked at: its revision in a stream, or its position in `$all`. Neither before the first.
    fn stands(&self) -> (Option<i64>, Option<Position>) {
        match &self.followed {
            Followed::Stream { revision, .. } => {
                (revision.checked_sub(1).and_then(|last| i64::try_from(last).ok()), None)
            }
            Followed::All { place, .. } => {
                let last = place.checked_sub(1).map(|last| self.log.read().page(last, 1)).unwrap_or_default();
                let at = |position| Position { commit_position: position, prepare_position: position };
                (None, last.first().map(|record| at(record.position)))
            }
        }
    }

    fn say(&mut self, content: Content) {
        self.waiting.push_back(response(content));
    }
}
