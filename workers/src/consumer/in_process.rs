//! The simplest way for events to come to a consumer: the log itself, followed in this process. Several are dealt with at once,
//! and one that must be tried again holds up none of another stream.

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use store::{
    Position, Recorded, chain,
    follow::{Desk, FollowError, Follower, Lease},
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Consumer, TryAgain,
    queue::{Due, Queue},
};
use crate::place::Place;

/// How many events may be open before no more are read: they are held in memory.
const MOST_OPEN: usize = 10_000;
/// When an event is tried again at which the consumer broke.
const AFTER_BUG: Duration = Duration::from_secs(30);
/// What is under way gets so long to come to its end when the follower is told to stop.
const LAST_STEPS: Duration = Duration::from_secs(2);

/// A consumer that follows the log.
pub struct InProcess<C> {
    role: String,
    consumer: Arc<C>,
    desk: Desk,
    /// How many events are dealt with at once. Those that are tried again get half of that at most.
    at_once: usize,
    queue: Queue,
    running: JoinSet<Result<(), TryAgain>>,
    begun: HashMap<Id, Due>,
    /// Up to where events were taken.
    taken: Position,
    pub(super) place: Place,
}

impl<C: Consumer + 'static> InProcess<C> {
    pub fn new(role: impl Into<String>, consumer: C, desk: Desk, at_once: usize) -> Self {
        Self {
            role: role.into(),
            consumer: Arc::new(consumer),
            desk,
            at_once: at_once.max(1),
            queue: Queue::default(),
            running: JoinSet::new(),
            begun: HashMap::new(),
            taken: Position::BEGINNING,
            place: Place::new(),
        }
    }

    /// Begins with what is due, as far as there is room. What is done about an event can't be taken back, so that each waits for
    /// a lease that holds.
    fn begin(&mut self, lease: &Lease) -> Result<(), FollowError> {
        while self.running.len() < self.at_once {
            if !lease.is_held() {
                return Err(lease.lost());
            }
            let may_retry = self.has_room_for_retry();
            let Some(due) = self.queue.next(Instant::now(), may_retry) else { break };
            let (consumer, event) = (Arc::clone(&self.consumer), Arc::clone(&due.event));
            let task = self.running.spawn(async move { consumer.consume(&event).await });
            self.begun.insert(task.id(), due);
        }
        Ok(())
    }

    fn has_room_for_retry(&self) -> bool {
        let retried = self.begun.values().filter(|due| due.is_retry).count();
        self.running.len() < self.at_once && retried < (self.at_once / 2).max(1)
    }

    fn end_what_ended(&mut self) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.end(ended);
        }
    }

    /// Takes note of what came of an event.
    fn end(&mut self, ended: Result<(Id, Result<(), TryAgain>), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(broken) => (broken.id(), Err(TryAgain { cause: broken.into(), after: AFTER_BUG })),
        };
        let Some(Due { event, .. }) = self.begun.remove(&id) else { return };
        match outcome {
            Ok(()) => self.queue.done(&event),
            Err(later) => {
                let (stream, after) = (&event.stream, later.after);
                tracing::warn!(%stream, ?after, error = chain(&later), "an event is dealt with later");
                self.queue.again(event, Instant::now() + after);
            }
        }
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
        for event in new.filter(|event| self.consumer.concerns(event)) {
            self.queue.add(event);
        }
        self.taken = self.taken.max(batch.last().map_or(Position::BEGINNING, |last| last.position));
        self.end_what_ended();
        self.begin(lease)?;
        self.place.reach(self.done(self.taken), lease);
        if self.place.is_due() { self.place.write(&self.desk).await } else { Ok(()) }
    }

    /// Writes down how far all is done: at once where nothing is open, else twice a second.
    async fn idle(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.place.reach(self.done(self.taken), lease);
        let now = self.queue.len() == 0 || self.place.is_due();
        if now { self.place.write(&self.desk).await } else { Ok(()) }
    }

    fn has_room(&self) -> bool {
        self.queue.len() < MOST_OPEN
    }

    async fn go_on(&mut self, lease: &Lease) -> Result<(), FollowError> {
        loop {
            self.begin(lease)?;
            let retry = self.queue.next_retry().filter(|_| self.has_room_for_retry());
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => {
                    self.end(ended);
                    self.end_what_ended();
                    return Ok(());
                }
                () = until(retry) => {}
            }
        }
    }

    fn done(&self, taken: Position) -> Position {
        self.queue.oldest().map_or(taken, |oldest| taken.min(Position(oldest.0.saturating_sub(1))))
    }

    async fn wind_up(&mut self, lease: &Lease) -> Result<(), FollowError> {
        let ending = async {
            while let Some(ended) = self.running.join_next_with_id().await {
                self.end(ended);
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
        self.running = JoinSet::new();
        self.begun.clear();
        self.queue = Queue::default();
        self.taken = Position::BEGINNING;
        self.place = Place::new();
    }
}

/// For ever, if that is not known.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
