//! The hands of a consumer: several events are dealt with at once, and one that must be tried again holds up none of another
//! stream. Does not know where events come from, nor who is told what came of them.

use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use store::{
    Position, Recorded, chain,
    follow::{FollowError, Lease},
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    Consumer, TryAgain,
    queue::{Due, Queue},
};

/// How many events may be open before no more are taken: they are held in memory.
pub(super) const MOST_OPEN: usize = 10_000;
/// When an event is tried again at which the consumer broke.
const AFTER_BUG: Duration = Duration::from_secs(30);

pub(super) struct Hands<C> {
    consumer: Arc<C>,
    /// How many events are dealt with at once. Those that are tried again get half of that at most.
    at_once: usize,
    queue: Queue,
    running: JoinSet<Result<(), TryAgain>>,
    begun: HashMap<Id, Due>,
}

impl<C: Consumer + 'static> Hands<C> {
    pub(super) fn new(consumer: C, at_once: usize) -> Self {
        Self {
            consumer: Arc::new(consumer),
            at_once: at_once.max(1),
            queue: Queue::default(),
            running: JoinSet::new(),
            begun: HashMap::new(),
        }
    }

    pub(super) fn concerns(&self, event: &Recorded) -> bool {
        self.consumer.concerns(event)
    }

    /// Takes an event, to be dealt with when its turn comes.
    pub(super) fn add(&mut self, event: &Recorded) {
        self.queue.add(event);
    }

    /// Begins with what is due, as far as there is room. What is done about an event can't be taken back, so that each waits for
    /// a lease that holds.
    pub(super) fn begin(&mut self, lease: &Lease) -> Result<(), FollowError> {
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

    /// Comes back when something ended that was begun, with what is dealt with now, or when it is time to begin with more.
    /// It may be dropped at any moment.
    pub(super) async fn go_on(&mut self) -> Vec<Position> {
        let retry = self.queue.next_retry().filter(|_| self.has_room_for_retry());
        tokio::select! {
            Some(ended) = self.running.join_next_with_id() => self.end(ended).into_iter().chain(self.ended()).collect(),
            () = until(retry) => Vec::new(),
        }
    }

    /// What ended meanwhile and is dealt with.
    pub(super) fn ended(&mut self) -> Vec<Position> {
        let mut done = Vec::new();
        while let Some(ended) = self.running.try_join_next_with_id() {
            done.extend(self.end(ended));
        }
        done
    }

    /// Waits for all that was begun.
    pub(super) async fn finish(&mut self) -> Vec<Position> {
        match self.running.join_next_with_id().await {
            Some(ended) => self.end(ended).into_iter().chain(self.ended()).collect(),
            None => Vec::new(),
        }
    }

    /// Whether nothing is being dealt with.
    pub(super) fn are_free(&self) -> bool {
        self.running.is_empty()
    }

    /// The first event that is not dealt with.
    pub(super) fn oldest(&self) -> Option<Position> {
        self.queue.oldest()
    }

    /// How many events are open.
    pub(super) fn open(&self) -> usize {
        self.queue.len()
    }

    /// Drops all of it, what is under way included.
    pub(super) fn drop_all(&mut self) {
        self.running = JoinSet::new();
        self.begun.clear();
        self.queue = Queue::default();
    }

    fn has_room_for_retry(&self) -> bool {
        let retried = self.begun.values().filter(|due| due.is_retry).count();
        self.running.len() < self.at_once && retried < (self.at_once / 2).max(1)
    }

    /// Takes note of what came of an event, and answers where it stands if it is dealt with.
    fn end(&mut self, ended: Result<(Id, Result<(), TryAgain>), JoinError>) -> Option<Position> {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(broken) => (broken.id(), Err(TryAgain { cause: broken.into(), after: AFTER_BUG })),
        };
        let Due { event, .. } = self.begun.remove(&id)?;
        match outcome {
            Ok(()) => {
                self.queue.done(&event);
                Some(event.position)
            }
            Err(later) => {
                let (stream, after) = (&event.stream, later.after);
                tracing::warn!(%stream, ?after, error = chain(&later), "an event is dealt with later");
                self.queue.again(event, Instant::now() + after);
                None
            }
        }
    }
}

/// For ever, if that is not known.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
