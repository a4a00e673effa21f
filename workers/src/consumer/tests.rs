//! How events come to a consumer that follows the log: which of them at once, which again and when, and what is written down of
//! how far it came.

mod order;

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use domain::Time;
use store::{
    NewEvent, Position, StreamId,
    follow::{Desk, FollowError, Follower, Lease, Tenure},
    random,
    views::Views,
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::*;

const ROLE: &str = "reader";
const DEADLINE: Duration = Duration::from_secs(20);

/// What a consumer does with an event the next time that it comes.
#[derive(Debug, Clone, Copy)]
enum Act {
    Hang,
    Panic,
    TryAgain(Duration),
}

/// Likes mails, deals with them by a script, and tells of each that it begins with.
struct LikesMails {
    script: Mutex<HashMap<u64, VecDeque<Act>>>,
    begun: mpsc::UnboundedSender<u64>,
}

#[async_trait]
impl Consumer for LikesMails {
    fn concerns(&self, event: &Recorded) -> bool {
        event.stream.kind() == "mail"
    }

    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        let position = event.position.0;
        self.begun.send(position).unwrap();
        let act = self.script.lock().unwrap().get_mut(&position).and_then(VecDeque::pop_front);
        match act {
            None => Ok(()),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Panic) => panic!("told to"),
            Some(Act::TryAgain(after)) => Err(TryAgain { cause: "told to".into(), after }),
        }
    }
}

/// A consumer that leads, and what it began with.
struct Leader {
    reader: InProcess<LikesMails>,
    begun: mpsc::UnboundedReceiver<u64>,
    seen: Vec<u64>,
    desk: Desk,
    lease: Lease,
    folder: TempDir,
}

impl Leader {
    async fn new(at_once: usize, script: &[(u64, &[Act])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(&folder, "one").await;
        let lease = desk.lease(ROLE).await.unwrap().unwrap();
        let (reader, begun) = reader(&desk, at_once, script);
        Self { reader, begun, seen: Vec::new(), desk, lease, folder }
    }

    async fn take(&mut self, events: &[Recorded]) {
        self.reader.take(events, &self.lease).await.unwrap();
    }

    /// Goes on until all is done up to `position`, as the one who leads it would.
    async fn done_up_to(&mut self, position: u64, taken: u64) {
        let going_on = async {
            while self.reader.done(Position(taken)) < Position(position) {
                self.reader.go_on(&self.lease).await.unwrap();
                self.reader.idle(&self.lease).await.unwrap();
            }
        };
        timeout(DEADLINE, going_on).await.expect("it is done");
    }

    /// Goes on until so many were begun with.
    async fn begins_with(&mut self, count: usize) {
        let going_on = async {
            while self.seen.len() < count {
                tokio::select! {
                    went_on = self.reader.go_on(&self.lease) => went_on.unwrap(),
                    Some(position) = self.begun.recv() => self.seen.push(position),
                }
            }
        };
        timeout(DEADLINE, going_on).await.expect("it begins");
    }

    /// What was begun with so far, each time that it was.
    fn begun(&mut self) -> Vec<u64> {
        self.seen.extend(std::iter::from_fn(|| self.begun.try_recv().ok()));
        std::mem::take(&mut self.seen)
    }

    async fn checkpoint(&self) -> Position {
        self.desk.checkpoint(ROLE).await.unwrap()
    }
}

fn reader(
    desk: &Desk,
    at_once: usize,
    script: &[(u64, &[Act])],
) -> (InProcess<LikesMails>, mpsc::UnboundedReceiver<u64>) {
    let (tell, begun) = mpsc::unbounded_channel();
    let script = script.iter().map(|(position, acts)| (*position, acts.iter().copied().collect()));
    let consumer = LikesMails { script: Mutex::new(script.collect()), begun: tell };
    let mut reader = InProcess::new(ROLE, consumer, desk.clone(), at_once);
    // Its place was written a moment ago, however slow the machine is.
    reader.place.written = Instant::now() + Duration::from_hours(1);
    (reader, begun)
}

async fn desk(folder: &TempDir, node: &str) -> Desk {
    let tenure = Tenure { length: Duration::from_mins(1), sole: true };
    Desk::new(Views::open_file(&folder.path().join("views.db")).await.unwrap(), node.to_owned(), tenure)
}

fn event(stream: &str, position: u64) -> Recorded {
    let (id, correlation) = (random::id(), random::id());
    let (kind, actor, data) = ("thing.done.v1".to_owned(), "test".to_owned(), "{}".to_owned());
    Recorded {
        event: NewEvent { id, kind, correlation, causation: None, actor, data, sealed: None },
        stream: StreamId::named(stream),
        version: 1,
        position: Position(position),
        recorded_at: Time(0),
    }
}

fn mails(positions: std::ops::RangeInclusive<u64>) -> Vec<Recorded> {
    positions.map(|position| event(&format!("mail-{position}"), position)).collect()
}

#[tokio::test]
async fn a_place_is_written_at_once_where_something_was_done_and_in_a_quiet_moment_where_nothing_was() {
    let mut one = Leader::new(1, &[]).await;
    one.take(&[event("user-1", 1)]).await;
    assert_eq!(one.checkpoint().await, Position::BEGINNING);
    one.take(&[event("mail-1", 2)]).await;
    one.done_up_to(2, 2).await;
    assert_eq!(one.checkpoint().await, Position(2));
    one.take(&[event("user-1", 3)]).await;
    assert_eq!(one.checkpoint().await, Position(2));
    one.reader.idle(&one.lease).await.unwrap();
    assert_eq!(one.checkpoint().await, Position(3));
}

#[tokio::test]
async fn a_place_is_written_in_the_end_although_it_is_never_quiet() {
    let mut one = Leader::new(1, &[]).await;
    one.reader.place.written = Instant::now();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    one.take(&[event("user-1", 7)]).await;
    assert_eq!(one.checkpoint().await, Position(7));
}

#[tokio::test]
async fn what_one_leader_left_unwritten_does_not_set_back_the_next() {
    let mut one = Leader::new(1, &[]).await;
    one.take(&[event("user-1", 1)]).await;

    let other = desk(&one.folder, "other").await;
    let second = other.lease(ROLE).await.unwrap().unwrap();
    let (mut next, _begun) = reader(&other, 1, &[]);
    next.take(&[event("user-1", 9)], &second).await.unwrap();
    next.idle(&second).await.unwrap();

    let third = one.desk.lease(ROLE).await.unwrap().unwrap();
    assert!(matches!(one.reader.idle(&third).await, Err(FollowError::LeaseLost(_))));
    assert_eq!(one.checkpoint().await, Position(9));
}

#[tokio::test]
async fn nothing_is_done_about_an_event_once_the_lease_may_be_someone_elses() {
    let mut one = Leader::new(1, &[]).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    let outcome = one.reader.take(&mails(1..=1), &one.lease).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(_))));
    assert_eq!(one.begun(), [0; 0]);
}
