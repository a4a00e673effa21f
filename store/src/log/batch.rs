//! The writer of the SQLite log: takes all appends that wait and commits them as one batch. An append that conflicts
//! fails alone; a failed commit fails the whole batch, and nothing of it is stored.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::Time;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::{
    Position, StoreError, StreamId, Write, from_sql,
    sqlite::{head, unavailable},
    to_sql,
};
use crate::clock;

/// How many appends are committed at once, at most.
const BATCH: usize = 512;

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
    let mut open = Open { connection: &mut transaction, tails: HashMap::new(), head: start, ids };
    let mut outcomes = Vec::with_capacity(batch.len());
    for request in batch {
        outcomes.push(open.append(&request.writes).await?);
    }
    let end = open.head;
    sqlx::query("update log_head set position = ?, barriers = barriers + ?")
        .bind(end.to_sql())
        .bind(i64::from(end == start))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok((end, outcomes))
}

/// The batch's transaction.
struct Open<'t> {
    connection: &'t mut SqliteConnection,
    tails: HashMap<StreamId, Tail>,
    head: Position,
    ids: Ids,
}

impl Open<'_> {
    async fn append(&mut self, writes: &[Write]) -> Result<Result<Position, StoreError>, sqlx::Error> {
        let mut obstacle = self.unexpected(writes).await?;
        if obstacle.is_none() && self.ids == Ids::LookedUp {
            obstacle = self.reused(writes).await?;
        }
        if let Some(stream) = obstacle {
            return Ok(self.written_before(writes).await?.ok_or(StoreError::Conflict { stream }));
        }
        for write in writes {
            self.insert(write).await?;
        }
        Ok(Ok(self.head))
    }

    /// A stream that does not hold as many events as was expected; those of earlier writes of the same append count.
    async fn unexpected(&mut self, writes: &[Write]) -> Result<Option<StreamId>, sqlx::Error> {
        let mut added: HashMap<&StreamId, u64> = HashMap::new();
        for write in writes {
            let version = self.tail(&write.stream).await?.version;
            let added = added.entry(&write.stream).or_default();
            if version + *added != write.expected {
                return Ok(Some(write.stream.clone()));
            }
            *added += u64::try_from(write.events.len()).unwrap_or(u64::MAX);
        }
        Ok(None)
    }

    /// A stream that would get an event whose id was given to an event before, here or anywhere in the log.
    async fn reused(&mut self, writes: &[Write]) -> Result<Option<StreamId>, sqlx::Error> {
        let mut given = HashSet::new();
        for write in writes {
            for event in &write.events {
                let known: bool = sqlx::query_scalar("select exists (select 1 from events where id = ?)")
                    .bind(event.id.as_bytes().as_slice())
                    .fetch_one(&mut *self.connection)
                    .await?;
                if known || !given.insert(event.id) {
                    return Ok(Some(write.stream.clone()));
                }
            }
        }
        Ok(None)
    }

    async fn tail(&mut self, stream: &StreamId) -> Result<Tail, sqlx::Error> {
        const SQL: &str =
            "select version, recorded_at from events where stream = ? order by version desc limit 1";
        if let Some(tail) = self.tails.get(stream) {
            return Ok(*tail);
        }
        let row: Option<(i64, i64)> =
            sqlx::query_as(SQL).bind(stream.as_str()).fetch_optional(&mut *self.connection).await?;
        let tail = row.map_or(Tail { version: 0, recorded_at: Time(0) }, |(version, at)| Tail {
            version: from_sql(version),
            recorded_at: Time(at),
        });
        self.tails.insert(stream.clone(), tail);
        Ok(tail)
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
        let found: Option<i64> =
            sqlx::query_scalar("select position from events where id = ? and stream = ?")
                .bind(event.as_bytes().as_slice())
                .bind(stream.as_str())
                .fetch_optional(&mut *self.connection)
                .await?;
        Ok(found.map(Position::from_sql))
    }

    async fn insert(&mut self, write: &Write) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into events (position, stream, version, id, type, recorded_at, correlation, \
             causation, actor, data, sealed) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let mut tail = self.tail(&write.stream).await?;
        for event in &write.events {
            self.head.0 += 1;
            tail = Tail { version: tail.version + 1, recorded_at: clock::now().max(tail.recorded_at) };
            sqlx::query(SQL)
                .bind(self.head.to_sql())
                .bind(write.stream.as_str())
                .bind(to_sql(tail.version))
                .bind(event.id.as_bytes().as_slice())
                .bind(event.kind.as_str())
                .bind(tail.recorded_at.0)
                .bind(event.correlation.as_bytes().as_slice())
                .bind(event.causation.as_ref().map(|id| id.as_bytes().as_slice()))
                .bind(event.actor.as_str())
                .bind(event.data.as_str())
                .bind(event.sealed.as_deref())
                .execute(&mut *self.connection)
                .await?;
        }
        self.tails.insert(write.stream.clone(), tail);
        Ok(())
    }
}
