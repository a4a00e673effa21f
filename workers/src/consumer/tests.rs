//! When a consumer's place is written: at once where something was done, later where nothing was, and never for someone who
//! does not lead any more.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use domain::Time;
use store::{NewEvent, Position, StreamId, follow::Tenure, random, views::Views};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::place::UNWRITTEN;

const ROLE: &str = "reader";

/// Counts the mails that it was given.
#[derive(Default)]
struct LikesMails(AtomicU32);

#[async_trait]
impl Consumer for LikesMails {
    fn concerns(&self, event: &Recorded) -> bool {
        event.stream.kind() == "mail"
    }

    async fn consume(&self, _: &Recorded) -> Result<(), TryAgain> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn desk(folder: &TempDir, node: &str) -> Desk {
    let tenure = Tenure { length: Duration::from_mins(1), sole: true };
    Desk::new(Views::open_file(&folder.path().join("views.db")).await.unwrap(), node.to_owned(), tenure)
}

/// Its place was written a moment ago, however slow the machine is.
fn reader(desk: &Desk) -> InProcess<LikesMails> {
    let mut reader = InProcess::new(ROLE, LikesMails::default(), desk.clone());
    reader.place.written = Instant::now() + Duration::from_hours(1);
    reader
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

#[tokio::test]
async fn a_place_is_written_at_once_where_something_was_done_and_in_a_quiet_moment_where_nothing_was() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, "one").await;
    let lease = desk.lease(ROLE).await.unwrap().unwrap();
    let mut reader = reader(&desk);

    reader.take(&[event("user-1", 1)], &lease).await.unwrap();
    assert_eq!(desk.checkpoint(ROLE).await.unwrap(), Position::BEGINNING);
    reader.take(&[event("mail-1", 2)], &lease).await.unwrap();
    assert_eq!(desk.checkpoint(ROLE).await.unwrap(), Position(2));
    reader.take(&[event("user-1", 3)], &lease).await.unwrap();
    reader.idle(&lease).await.unwrap();
    assert_eq!(desk.checkpoint(ROLE).await.unwrap(), Position(3));
}

#[tokio::test]
async fn a_place_is_written_in_the_end_although_it_is_never_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, "one").await;
    let lease = desk.lease(ROLE).await.unwrap().unwrap();
    let mut reader = InProcess::new(ROLE, LikesMails::default(), desk.clone());
    tokio::time::pause();
    tokio::time::advance(UNWRITTEN).await;
    tokio::time::resume();
    reader.take(&[event("user-1", 7)], &lease).await.unwrap();
    assert_eq!(desk.checkpoint(ROLE).await.unwrap(), Position(7));
}

#[tokio::test]
async fn what_one_leader_left_unwritten_does_not_set_back_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (desk(&folder, "one").await, desk(&folder, "other").await);
    let first = one.lease(ROLE).await.unwrap().unwrap();
    let mut reader = reader(&one);
    reader.take(&[event("user-1", 1)], &first).await.unwrap();

    let second = other.lease(ROLE).await.unwrap().unwrap();
    InProcess::new(ROLE, LikesMails::default(), other.clone())
        .take(&[event("mail-1", 9)], &second)
        .await
        .unwrap();

    let third = one.lease(ROLE).await.unwrap().unwrap();
    assert!(matches!(reader.idle(&third).await, Err(FollowError::LeaseLost(_))));
    assert_eq!(one.checkpoint(ROLE).await.unwrap(), Position(9));
}

#[tokio::test]
async fn nothing_is_done_about_an_event_once_the_lease_may_be_someone_elses() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder, "one").await;
    let lease = desk.lease(ROLE).await.unwrap().unwrap();
    let mut reader = reader(&desk);
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    let outcome = reader.take(&[event("mail-1", 1)], &lease).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(_))));
    assert_eq!(reader.consumer.0.load(Ordering::Relaxed), 0);
}
