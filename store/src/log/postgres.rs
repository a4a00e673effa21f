//! The log on PostgreSQL: one writer task in each process commits all that waits as one batch, under a lock on the head row that
//! all processes take; readers see what is committed only, so that positions are never seen out of order.

mod news;
mod rows;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

use async_trait::async_trait;
use sqlx::{Row, postgres::PgArguments, query::Query};
use tokio::sync::watch;

use super::{
    EventLog, LogHead, NewEvent, Position, Recorded, StoreError, StreamId, Write, batch::Writer,
    row::recorded, tail::Tail, to_sql, unavailable,
};
use crate::{
    migrations::LOG_ON_POSTGRES,
    postgres::{Database, OpenError, Safety, Url},
    together::Together,
};
pub use rows::PostgresLogRows;
use streams::StreamReader;
use writer::PostgresEngine;

/// How many connections read. One more writes, and one listens.
const READERS: u32 = 8;
/// How many times at once streams are read: a long one then holds up the short ones no longer than that.
const READING: usize = 2;

/// The event log in a database on PostgreSQL.
pub struct PostgresLog {
    database: Database,
    streams: Together<StreamReader>,
    writer: Writer,
    grown: watch::Receiver<Position>,
    log_id: String,
}

impl PostgresLog {
    /// Opens or makes the log, and starts its writer.
    pub async fn open(url: &Url, safety: Safety) -> Result<Self, OpenError> {
        let database = Database::open(url, &LOG_ON_POSTGRES, READERS, safety).await?;
        let unreachable = |source| OpenError::Unreachable { database: url.to_string(), source };
        let LogHead { log_id, half_copied, .. } = Self::look(&database).await.map_err(unreachable)?;
        if half_copied {
            return Err(OpenError::HalfCopied { database: url.to_string() });
        }
        let head = news::read(&database).await.map_err(unreachable)?;
        let (grow, grown) = watch::channel(head);
        news::follow(&database, &grow);
        let writer = Writer::start(PostgresEngine::new(database.clone()), grow);
        let streams = Together::new(StreamReader(database.clone()), READING);
        Ok(Self { database, streams, writer, grown, log_id })
    }

    /// The head of the log in a database that was opened to be looked at. An earlier version, which may have made it, copied no logs.
    pub async fn look(database: &Database) -> Result<LogHead, sqlx::Error> {
        const SQL: &str = "select * from log_head";
        let rows = database.rows(|| database.query(SQL)).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(LogHead {
            log_id: row.try_get("log_id")?,
            position: Position::from_sql(row.try_get("position")?),
            half_copied: match row.try_get("half_copied") {
                Err(sqlx::Error::ColumnNotFound(_)) => false,
                found => found?,
            },
        })
    }

    async fn select<'q>(
        &self,
        statement: impl Fn() -> Query<'q, sqlx::Postgres, PgArguments> + Send + Sync,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.database.rows(statement).await.map_err(unavailable)?.iter().map(recorded).collect()
    }
}

#[async_trait]
impl EventLog for PostgresLog {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        writes.iter().try_for_each(can_be_written)?;
        self.writer.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.streams.ask(Tail { stream: stream.clone(), after }).await.map_err(unavailable)?
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where stream = $1 order by version desc limit $2";
        let statement = || self.database.query(SQL).bind(stream.as_str()).bind(i64::from(count));
        let mut events = self.select(statement).await?;
        events.reverse();
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.select(|| page(&self.database, after, limit)).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where position > $1 and split_part(stream, '-', 1) = any($2) \
             order by position limit $3";
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let statement = || self.database.query(SQL).bind(to_sql(after.0)).bind(&kinds).bind(i64::from(limit));
        self.select(statement).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.writer.is_there()?;
        head(&self.database).await.map_err(unavailable)
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.grown.clone()
    }

    fn log_id(&self) -> &str {
        &self.log_id
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "insert into sequences as s (name, last) values ($1, 1) \
             on conflict (name) do update set last = s.last + 1 returning last";
        self.database.one(|| self.database.query(SQL).bind(name)).await.map(Some).map_err(unavailable)
    }
}

fn page<'q>(database: &Database, after: Position, limit: u32) -> Query<'q, sqlx::Postgres, PgArguments> {
    const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
         data, sealed from events where position > $1 order by position limit $2";
    database.query(SQL).bind(after.to_sql()).bind(i64::from(limit))
}

async fn head(database: &Database) -> Result<Position, sqlx::Error> {
    const SQL: &str = "select position from log_head";
    database.one(|| database.query(SQL)).await.map(Position::from_sql)
}

/// PostgreSQL would refuse all appends of the batch.
fn can_be_written(write: &Write) -> Result<(), StoreError> {
    write.events.iter().try_for_each(|event| can_be_kept(&write.stream, event))
}

/// PostgreSQL has no text with a NUL in it.
fn can_be_kept(stream: &StreamId, event: &NewEvent) -> Result<(), StoreError> {
    let texts = [stream.as_str(), &event.kind, &event.actor, &event.data];
    if texts.into_iter().chain(event.sealed.as_deref()).any(|text| text.contains('\0')) {
        let source = "PostgreSQL keeps no text with a NUL in it".into();
        return Err(StoreError::Unwritable { stream: stream.clone(), source });
    }
    Ok(())
}
