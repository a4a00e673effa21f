//! The simplest way for events to come to a consumer: the log itself, followed in this process.

use std::time::Duration;

use async_trait::async_trait;
use store::{
    Position, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};
use tokio::time::timeout;

use super::{
    Consumer,
    hands::{Hands, MOST_OPEN},
};
use crate::place::Place;

/// What is under way gets so long to come to its end when the follower is told to stop.
pub(super) const LAST_STEPS: Duration = Duration::from_secs(2);

/// A consumer that follows the log.
pub struct InProcess<C> {
    role: String,
    desk: Desk,
    hands: Hands<C>,
    /// Up to where events were taken.
    taken: Position,
    pub(super) place: Place,
}

impl<C: Consumer + 'static> InProcess<C> {
    /// `at_once`: how many events are dealt with at once; of those that are tried again half as many at most.
    pub fn new(role: impl Into<String>, consumer: C, desk: Desk, at_once: usize) -> Self {
        let hands = Hands::new(consumer, at_once);
        Self { role: role.into(), desk, hands, taken: Position::BEGINNING, place: Place::new() }
    }
}

#[async_trait]
impl<C: Consumer + 'static> Follower for InProcess<C> {
    fn role(&self) -> &str {
        &self.role
    }

    /// Begins with what is new in the batch, as far as there is room.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        // After an error the log is read again from where all was done.
        let new = batch.iter().filter(|event| event.position > self.taken);
        for event in new {
            if self.hands.concerns(event) {
                self.hands.add(event);
            }
        }
        self.taken = self.taken.max(batch.last().map_or(Position::BEGINNING, |last| last.position));
        self.hands.ended();
        self.hands.begin(lease)?;
        self.place.reach(self.done(self.taken), lease);
        if self.place.is_due() { self.place.write(&self.desk).await } else { Ok(()) }
    }

    /// Writes down how far all is done: at once where nothing is open, else twice a second.
    async fn idle(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.place.reach(self.done(self.taken), lease);
        let now = self.hands.open() == 0 || self.place.is_due();
        if now { self.place.write(&self.desk).await } else { Ok(()) }
    }

    fn has_room(&self) -> bool {
        self.hands.open() < MOST_OPEN
    }

    async fn go_on(&mut self, lease: &Lease) -> Result<(), FollowError> {
        loop {
            self.hands.begin(lease)?;
            if !self.hands.go_on().await.is_empty() {
                return Ok(());
            }
        }
    }

    fn done(&self, taken: Position) -> Position {
        self.hands.oldest().map_or(taken, |oldest| taken.min(Position(oldest.0.saturating_sub(1))))
    }

    async fn wind_up(&mut self, lease: &Lease) -> Result<(), FollowError> {
        let ending = async {
            while !self.hands.are_free() {
                self.hands.finish().await;
            }
        };
        if timeout(LAST_STEPS, ending).await.is_err() {
            tracing::warn!(
                role = self.role,
                "what takes too long is cut off, and done again at the next start"
            );
        }
        self.place.reach(self.done(self.taken), lease);
        self.place.write(&self.desk).await
    }

    fn start_over(&mut self) {
        self.hands.drop_all();
        self.taken = Position::BEGINNING;
        self.place = Place::new();
    }
}
