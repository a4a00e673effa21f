//! The log on SQLite: one writer task in each process commits all that waits as one batch; readers see committed
//! snapshots only, so that positions dealt out under the head row are never seen out of order.

mod rows;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{Connection, Row, SqliteConnection, SqlitePool};
use tokio::sync::watch;

use super::{
    EventLog, LogHead, Position, Recorded, StoreError, StreamId, Write,
    batch::{self, Writer},
    row::recorded,
    tail::Tail,
    to_sql, unavailable,
};
use crate::{
    sqlite::{self, OpenError, Role},
    together::Together,
};
pub use rows::SqliteLogRows;
use streams::StreamReader;
pub(super) use writer::SqliteEngine;

/// How many times at once streams are read: a long one then holds up the short ones no longer than that.
const READING: usize = 2;
/// How often the log is looked at for what other processes wrote.
const LOOK: Duration = Duration::from_millis(20);

/// The event log in one SQLite file.
pub struct SqliteLog {
    readers: SqlitePool,
    streams: Together<StreamReader>,
    writer: Writer,
    grown: watch::Receiver<Position>,
    log_id: String,
}

impl SqliteLog {
    /// Opens or makes the log, and starts its writer.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let readers = Self::make(path, 4).await?;
        let unreachable = |source| OpenError::Unreachable { path: path.display().to_string(), source };
        let LogHead { log_id, position: head, half_copied } =
            Self::look(&readers).await.map_err(unreachable)?;
        if half_copied {
            return Err(OpenError::HalfCopied { path: path.display().to_string() });
        }
        let options = sqlite::options(path, Role::Log);
        let connection = SqliteConnection::connect_with(&options).await.map_err(unreachable)?;
        let watched = SqliteConnection::connect_with(&options).await.map_err(unreachable)?;

        let (grow, grown) = watch::channel(head);
        let writer = Writer::start(SqliteEngine::new(connection, options), grow.clone());
        tokio::spawn(watch_others(watched, grow));
        let streams = Together::new(StreamReader(readers.clone()), READING);
        Ok(Self { readers, streams, writer, grown, log_id })
    }

    /// Opens the database of the log, making and migrating it where needed.
    async fn make(path: &Path, connections: u32) -> Result<SqlitePool, OpenError> {
        let pool = sqlite::open(path, Role::Log, connections).await?;
        sqlx::query("insert or ignore into log_head (one, log_id, position) values (1, ?, 0)")
            .bind(LogHead::new_id())
            .execute(&pool)
            .await
            .map_err(|source| OpenError::Unreachable { path: path.display().to_string(), source })?;
        Ok(pool)
    }

    /// The head of the log in a database that was opened to be looked at. An earlier version, which may have made it, copied no logs.
    pub async fn look(pool: &SqlitePool) -> Result<LogHead, sqlx::Error> {
        let row = sqlx::query("select * from log_head").fetch_one(pool).await?;
        Ok(LogHead {
            log_id: row.try_get("log_id")?,
            position: Position::from_sql(row.try_get("position")?),
            half_copied: match row.try_get("half_copied") {
                Err(sqlx::Error::ColumnNotFound(_)) => false,
                found => found?,
            },
        })
    }

    async fn select(&self, sql: &'static str, bind: &[Bind<'_>]) -> Result<Vec<Recorded>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in bind {
            query = match value {
                Bind::Text(text) => query.bind(*text),
                Bind::Number(number) => query.bind(to_sql(*number)),
            };
        }
        let rows = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        rows.iter().map(recorded).collect()
    }
}

enum Bind<'a> {
    Text(&'a str),
    Number(u64),
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        self.writer.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.streams.ask(Tail { stream: stream.clone(), after }).await.map_err(unavailable)?
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where stream = ? order by version desc limit ?";
        let binds = [Bind::Text(stream.as_str()), Bind::Number(count.into())];
        let mut events = self.select(SQL, &binds).await?;
        events.reverse();
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        read_all(&self.readers, after, limit).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where position > ? \
             and substr(stream, 1, instr(stream, '-') - 1) in (select value from json_each(?)) order by position limit ?";
        let kinds = serde_json::json!(kinds).to_string();
        self.select(SQL, &[Bind::Number(after.0), Bind::Text(&kinds), Bind::Number(limit.into())]).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.writer.is_there()?;
        head(&self.readers).await.map_err(unavailable)
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.grown.clone()
    }

    fn log_id(&self) -> &str {
        &self.log_id
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "insert into sequences (name, last) values (?, 1) \
             on conflict (name) do update set last = last + 1 returning last";
        sqlx::query_scalar(SQL).bind(name).fetch_one(&self.readers).await.map(Some).map_err(unavailable)
    }
}

async fn read_all(pool: &SqlitePool, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
    const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
         data, sealed from events where position > ? order by position limit ?";
    let query = sqlx::query(SQL).bind(after.to_sql()).bind(limit);
    query.fetch_all(pool).await.map_err(unavailable)?.iter().map(recorded).collect()
}

/// Tells followers of what other processes appended: `data_version` changes with every foreign commit, and asking for
/// it touches no page of the database.
async fn watch_others(mut connection: SqliteConnection, grow: watch::Sender<Position>) {
    let mut seen = 0_i64;
    let mut look = tokio::time::interval(LOOK);
    while !grow.is_closed() {
        look.tick().await;
        let Ok(version) = sqlx::query_scalar("pragma data_version").fetch_one(&mut connection).await else {
            continue;
        };
        if version != seen
            && let Ok(head) = head(&mut connection).await
        {
            seen = version;
            batch::announce(&grow, head);
        }
    }
}

async fn head<'c>(executor: impl sqlx::SqliteExecutor<'c>) -> Result<Position, sqlx::Error> {
    sqlx::query_scalar("select position from log_head").fetch_one(executor).await.map(Position::from_sql)
}
