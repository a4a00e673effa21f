//! The writer of the SQLite log: takes all appends that wait and commits them as one batch. An append that conflicts
//! fails alone; a failed commit fails the whole batch, and nothing of it is stored.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::Time;
use sqlx::{Connection, QueryBuilder, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{
    NewEvent, Position, StoreError, StreamId, Write, from_sql,
    sqlite::{head, unavailable},
    to_sql,
};
use crate::clock;

/// How many appends are committed at once, at most.
const BATCH: usize = 512;

/// How many events one statement inserts, at most: a power of two.
const MOST_ROWS: usize = 128;

/// One caller's append, and where its outcome goes.
pub(super) struct Request {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Result<Position, StoreError>>,
}

/// Whether the ids of events are taken to be new. Nearly all are, and asking for each would double the work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    TakenAsNew,
    LookedUp,
}

/// Where a stream stands inside the open transaction.
#[derive(Clone, Copy)]
struct Tail {
    version: u64,
    recorded_at: Time,
}

impl Tail {
    const START: Self = Self { version: 0, recorded_at: Time(0) };
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
pub(super) async fn write_all(
    mut connection: SqliteConnection,
    options: SqliteConnectOptions,
    mut requests: mpsc::Receiver<Request>,
    grow: watch::Sender<Position>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        match commit_once(&mut connection, &batch).await {
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
                if let Ok(fresh) = SqliteConnection::connect_with(&options).await {
                    connection = fresh;
                }
            }
        }
    }
}

type Outcomes = (Position, Vec<Result<Position, StoreError>>);

/// Commits the batch, without writing any event a second time: an id that is in the log already undoes the batch, which
/// is then done again with an eye on every id.
async fn commit_once(connection: &mut SqliteConnection, batch: &[Request]) -> Result<Outcomes, sqlx::Error> {
    match commit(connection, batch, Ids::TakenAsNew).await {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            commit(connection, batch, Ids::LookedUp).await
        }
        outcome => outcome,
    }
}

async fn commit(
    connection: &mut SqliteConnection,
    batch: &[Request],
    ids: Ids,
) -> Result<Outcomes, sqlx::Error> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    let start = head(&mut *transaction).await?;
    let tails = tails(&mut transaction, batch).await?;
    let (written, given) = (Vec::new(), HashMap::new());
    let mut open = Open { connection: &mut transaction, tails, written, given, head: start, ids };
    let mut outcomes = Vec::with_capacity(batch.len());
    for request in batch {
        outcomes.push(open.append(&request.writes).await?);
    }
    let (end, written) = (open.head, open.written);
    insert(&mut transaction, &written).await?;
    sqlx::query("update log_head set position = ?, barriers = barriers + ?")
        .bind(end.to_sql())
        .bind(i64::from(end == start))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok((end, outcomes))
}

/// Where all streams stand that the batch writes to.
async fn tails<'b>(
    connection: &mut SqliteConnection,
    batch: &'b [Request],
) -> Result<HashMap<&'b StreamId, Tail>, sqlx::Error> {
    const SQL: &str = "select asked.key, e.version, e.recorded_at from json_each(?) as asked cross join events as e \
         on e.stream = asked.value and e.version = (select max(version) from events where stream = asked.value)";
    let mut tails: HashMap<&StreamId, Tail> = HashMap::new();
    for write in batch.iter().flat_map(|request| &request.writes) {
        tails.insert(&write.stream, Tail::START);
    }
    let streams: Vec<&StreamId> = tails.keys().copied().collect();
    let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
    let names = serde_json::to_string(&names).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(SQL).bind(names).fetch_all(connection).await?;
    for (asked, version, at) in found {
        if let Some(stream) = usize::try_from(asked).ok().and_then(|asked| streams.get(asked)) {
            tails.insert(stream, Tail { version: from_sql(version), recorded_at: Time(at) });
        }
    }
    Ok(tails)
}

/// An event that has its place.
struct Placed<'b> {
    stream: &'b StreamId,
    event: &'b NewEvent,
    tail: Tail,
    position: Position,
}

/// The batch inside of its transaction. Its events are inserted at its end.
struct Open<'t, 'b> {
    connection: &'t mut SqliteConnection,
    tails: HashMap<&'b StreamId, Tail>,
    written: Vec<Placed<'b>>,
    /// Where the events of this batch stand.
    given: HashMap<Uuid, (&'b StreamId, Position)>,
    head: Position,
    ids: Ids,
}

impl<'b> Open<'_, 'b> {
    async fn append(&mut self, writes: &'b [Write]) -> Result<Result<Position, StoreError>, sqlx::Error> {
        let mut obstacle = self.unexpected(writes);
        if obstacle.is_none() && self.ids == Ids::LookedUp {
            obstacle = self.reused(writes).await?;
        }
        if let Some(stream) = obstacle {
            let conflict = StoreError::Conflict { stream: stream.clone() };
            return Ok(self.written_before(writes).await?.ok_or(conflict));
        }
        for write in writes {
            self.place(write);
        }
        Ok(Ok(self.head))
    }

    /// A stream that does not hold as many events as was expected; those of earlier writes of the same append count.
    fn unexpected(&self, writes: &'b [Write]) -> Option<&'b StreamId> {
        let mut added: HashMap<&StreamId, u64> = HashMap::new();
        writes.iter().find_map(|write| {
            let added = added.entry(&write.stream).or_default();
            if self.tail(&write.stream).version + *added != write.expected {
                return Some(&write.stream);
            }
            *added += u64::try_from(write.events.len()).unwrap_or(u64::MAX);
            None
        })
    }

    fn tail(&self, stream: &StreamId) -> Tail {
        self.tails.get(stream).copied().unwrap_or(Tail::START)
    }

    /// A stream that would get an event whose id was given to an event before, here or anywhere in the log.
    async fn reused(&mut self, writes: &'b [Write]) -> Result<Option<&'b StreamId>, sqlx::Error> {
        let mut given = HashSet::new();
        for write in writes {
            for event in &write.events {
                let known: bool = sqlx::query_scalar("select exists (select 1 from events where id = ?)")
                    .bind(event.id.as_bytes().as_slice())
                    .fetch_one(&mut *self.connection)
                    .await?;
                if known || self.given.contains_key(&event.id) || !given.insert(event.id) {
                    return Ok(Some(&write.stream));
                }
            }
        }
        Ok(None)
    }

    /// Where the last of these events stands, if every one was written to its stream by an earlier attempt.
    async fn written_before(&mut self, writes: &[Write]) -> Result<Option<Position>, sqlx::Error> {
        let mut last = None;
        for write in writes {
            for event in &write.events {
                let Some(found) = self.position_of(&write.stream, event.id).await? else {
                    return Ok(None);
                };
                last = last.max(Some(found));
            }
        }
        Ok(last)
    }

    async fn position_of(&mut self, stream: &StreamId, event: Uuid) -> Result<Option<Position>, sqlx::Error> {
        if let Some((of, position)) = self.given.get(&event) {
            return Ok((*of == stream).then_some(*position));
        }
        let found: Option<i64> =
            sqlx::query_scalar("select position from events where id = ? and stream = ?")
                .bind(event.as_bytes().as_slice())
                .bind(stream.as_str())
                .fetch_optional(&mut *self.connection)
                .await?;
        Ok(found.map(Position::from_sql))
    }

    fn place(&mut self, write: &'b Write) {
        let stream = &write.stream;
        let mut tail = self.tail(stream);
        for event in &write.events {
            self.head.0 += 1;
            tail = Tail { version: tail.version + 1, recorded_at: clock::now().max(tail.recorded_at) };
            self.given.insert(event.id, (stream, self.head));
            self.written.push(Placed { stream, event, tail, position: self.head });
        }
        self.tails.insert(stream, tail);
    }
}

/// Inserts the events, many with one statement. Their numbers are powers of two, so that few statements are prepared.
async fn insert(connection: &mut SqliteConnection, events: &[Placed<'_>]) -> Result<(), sqlx::Error> {
    let mut rest = events;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 << rest.len().min(MOST_ROWS).ilog2());
        let mut statement = QueryBuilder::new(
            "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed) ",
        );
        statement.push_values(now, |mut row, Placed { stream, event, tail, position }| {
            row.push_bind(position.to_sql())
                .push_bind(stream.as_str())
                .push_bind(to_sql(tail.version))
                .push_bind(event.id.as_bytes().as_slice())
                .push_bind(event.kind.as_str())
                .push_bind(tail.recorded_at.0)
                .push_bind(event.correlation.as_bytes().as_slice())
                .push_bind(event.causation.as_ref().map(|id| id.as_bytes().as_slice()))
                .push_bind(event.actor.as_str())
                .push_bind(event.data.as_str())
                .push_bind(event.sealed.as_deref());
        });
        statement.build().execute(&mut *connection).await?;
        rest = later;
    }
    Ok(())
}
