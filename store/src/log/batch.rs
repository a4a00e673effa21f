//! The writer of a log on SQL: takes all appends that wait and commits them as one batch. An append that conflicts fails alone; a
//! failed commit fails the whole batch, and nothing of it is stored. Knows no SQL: engines do what it asks.

mod plan;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{Position, Recorded, StoreError, StreamId, Write, unavailable};
use plan::Plan;
pub(super) use plan::{Place, Placed, Tail};

/// How many appends are committed at once, at most.
const BATCH: usize = 512;
/// How many appends may wait for the writer before callers wait to hand in theirs.
const WAITING: usize = 4096;

/// A database in which batches are written.
#[async_trait]
pub(super) trait Engine: Send + 'static {
    /// Opens a transaction beside which nobody writes to the log.
    async fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, sqlx::Error>;

    /// Makes ready for the next batch after one that failed, perhaps without a word on whether it was committed. Answers
    /// whether it is worth being tried once more.
    async fn recover(&mut self, error: &sqlx::Error) -> bool;
}

/// What is asked of the log within one transaction. It is rolled back unless it is committed.
#[async_trait]
pub(super) trait Transaction: Send {
    /// The head of the log, and where these streams stand; those without events are left out.
    async fn stand(
        &mut self,
        streams: &[&StreamId],
    ) -> Result<(Position, HashMap<StreamId, Tail>), sqlx::Error>;

    /// Where the events with these ids are; those that the log does not hold are left out.
    async fn find(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>, sqlx::Error>;

    /// Records the events, raises the head and commits. Without events it costs as much.
    async fn commit(self: Box<Self>, events: &[Placed<'_>], head: Position) -> Result<(), sqlx::Error>;
}

/// An event that has its place already, in another log.
impl<'e> From<&'e Recorded> for Placed<'e> {
    fn from(recorded: &'e Recorded) -> Self {
        let Recorded { event, stream, version, position, recorded_at } = recorded;
        let tail = Tail { version: *version, recorded_at: *recorded_at };
        Self { stream, event, tail, position: *position }
    }
}

/// One caller's append, and where its outcome goes.
struct Request {
    writes: Vec<Write>,
    reply: oneshot::Sender<Outcome>,
}

type Outcome = Result<Position, StoreError>;

/// The way to the writer, who ends when the last of these is gone.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Request>);

impl Writer {
    /// Starts a writer who tells `grow` of every new head.
    pub(super) fn start(engine: impl Engine, grow: watch::Sender<Position>) -> Self {
        let (writer, requests) = mpsc::channel(WAITING);
        tokio::spawn(write_all(Box::new(engine), requests, grow));
        Self(writer)
    }

    pub(super) async fn append(&self, writes: Vec<Write>) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request { writes, reply }).await.map_err(unavailable)?;
        answer.await.map_err(unavailable)?
    }

    /// A log that can't be written to is no use to anyone who asks how it is.
    pub(super) fn is_there(&self) -> Result<(), StoreError> {
        if self.0.is_closed() { Err(unavailable("the writer of the log has ended")) } else { Ok(()) }
    }
}

/// Raises the announced head; it never falls.
pub(super) fn announce(grow: &watch::Sender<Position>, head: Position) {
    grow.send_if_modified(|known| {
        let news = head > *known;
        *known = head.max(*known);
        news
    });
}

/// Runs until no one can append any more.
async fn write_all(
    mut engine: Box<dyn Engine>,
    mut requests: mpsc::Receiver<Request>,
    grow: watch::Sender<Position>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        match commit_once(engine.as_mut(), &batch).await {
            Ok((head, outcomes)) => {
                announce(&grow, head);
                for (request, outcome) in batch.drain(..).zip(outcomes) {
                    drop(request.reply.send(outcome));
                }
            }
            Err(error) => {
                let cause = Arc::new(error);
                for request in batch.drain(..) {
                    drop(request.reply.send(Err(unavailable(Arc::clone(&cause)))));
                }
            }
        }
    }
}

/// Whether the ids of events are taken to be new. Nearly all are, and asking for each would double the work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    TakenAsNew,
    LookedUp,
}

/// Commits the batch, without writing any event a second time: an id that is in the log already undoes the batch, which is then
/// done again with an eye on every id. So is one of which nobody knows whether it was committed.
async fn commit_once(
    engine: &mut dyn Engine,
    batch: &[Request],
) -> Result<(Position, Vec<Outcome>), sqlx::Error> {
    let mut ids = Ids::TakenAsNew;
    loop {
        let error = match commit(engine, batch, ids).await {
            Ok(committed) => return Ok(committed),
            Err(error) => error,
        };
        let known = error.as_database_error().is_some_and(DatabaseError::is_unique_violation);
        let again = (known && ids == Ids::TakenAsNew) || engine.recover(&error).await;
        if !again {
            return Err(error);
        }
        ids = Ids::LookedUp;
    }
}

async fn commit(
    engine: &mut dyn Engine,
    batch: &[Request],
    ids: Ids,
) -> Result<(Position, Vec<Outcome>), sqlx::Error> {
    let mut transaction = engine.begin().await?;
    let (head, tails) = transaction.stand(&plan::streams(batch)).await?;
    let known = match ids {
        Ids::TakenAsNew => HashMap::new(),
        Ids::LookedUp => transaction.find(&plan::ids(batch)).await?,
    };
    let mut plan = Plan::new(head, tails, known);
    for request in batch {
        plan.append(&request.writes);
    }
    let refused = plan.refused();
    if !refused.is_empty() {
        plan.learn(transaction.find(&refused).await?);
    }
    transaction.commit(plan.events(), plan.head()).await?;
    Ok((plan.head(), plan.outcomes()))
}
