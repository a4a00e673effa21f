//! SQLite with nothing around it: the log's own table and indexes, written and read by plain statements on one connection.
//! What the log is held against.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteRow};
use store::{
    log::to_sql,
    random,
    sqlite::{self, Role},
};

use crate::{failed::Outcome, seed::scattered};

/// What is inserted at once.
pub(crate) struct Batch {
    pub(crate) sample: Sample,
    pub(crate) size: u16,
    /// Over how many streams the events are spread; as in life, a stream's name says nothing of when it was begun.
    pub(crate) streams: u64,
}

/// An event's texts, as some real event has them.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) kind: String,
    pub(crate) actor: String,
    pub(crate) data: String,
    pub(crate) sealed: Option<String>,
}

impl Sample {
    /// The newest event of a type in a log.
    pub(crate) async fn newest(log: &Path, kind: &str) -> Outcome<Self> {
        const SQL: &str = "select type, actor, data, sealed from events where type = ? \
             order by position desc limit 1";
        let mut connection = SqliteConnection::connect_with(&sqlite::options(log, Role::Log)).await?;
        let row: SqliteRow = sqlx::query(SQL).bind(kind).fetch_one(&mut connection).await?;
        Ok(Self {
            kind: row.try_get("type")?,
            actor: row.try_get("actor")?,
            data: row.try_get("data")?,
            sealed: row.try_get("sealed")?,
        })
    }
}

/// A log's file without the log.
pub(crate) struct Raw {
    connection: SqliteConnection,
    position: u64,
}

impl Raw {
    /// Makes a new file with the log's schema, and settings as the log has them.
    pub(crate) async fn open(path: &Path) -> Outcome<Self> {
        sqlite::open(path, Role::Log, 1).await?.close().await;
        let mut connection = SqliteConnection::connect_with(&sqlite::options(path, Role::Log)).await?;
        sqlx::query("insert or ignore into log_head (one, log_id, position) values (1, 'raw', 0)")
            .execute(&mut connection)
            .await?;
        let position: i64 =
            sqlx::query_scalar("select position from log_head").fetch_one(&mut connection).await?;
        Ok(Self { connection, position: u64::try_from(position).unwrap_or_default() })
    }

    /// Inserts events for a while, as many with each statement and commit as `batch` says. Answers events a second.
    pub(crate) async fn insert(&mut self, batch: &Batch, span: Duration) -> Outcome<f64> {
        let rows = vec!["(?, ?, ?, ?, ?, 0, ?, null, ?, ?, ?)"; usize::from(batch.size)].join(", ");
        let sql = format!(
            "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed) values {rows}"
        );
        let (start, mut written) = (Instant::now(), 0.0);
        while start.elapsed() < span {
            self.commit(&sql, batch).await?;
            written += f64::from(batch.size);
        }
        Ok(written / start.elapsed().as_secs_f64())
    }

    async fn commit(&mut self, sql: &str, batch: &Batch) -> Outcome<()> {
        let mut transaction = self.connection.begin_with("begin immediate").await?;
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
        for _ in 0..batch.size {
            let (stream, version) = (self.position % batch.streams, self.position / batch.streams + 1);
            self.position += 1;
            insert = insert
                .bind(to_sql(self.position))
                .bind(format!("session-{}", scattered(stream)))
                .bind(to_sql(version))
                .bind(random::id().as_bytes().to_vec())
                .bind(batch.sample.kind.as_str())
                .bind(random::id().as_bytes().to_vec())
                .bind(batch.sample.actor.as_str())
                .bind(batch.sample.data.as_str())
                .bind(batch.sample.sealed.as_deref());
        }
        insert.execute(&mut *transaction).await?;
        sqlx::query("update log_head set position = ?")
            .bind(to_sql(self.position))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Reads all events, `page` at a time, and takes each apart no further than SQLite does. Answers events a second.
    pub(crate) async fn select(&mut self, page: u32) -> Outcome<f64> {
        const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
             data, sealed from events where position > ? order by position limit ?";
        let (start, mut read, mut after) = (Instant::now(), 0_u32, 0_i64);
        loop {
            let rows = sqlx::query(SQL).bind(after).bind(page).fetch_all(&mut self.connection).await?;
            let Some(last) = rows.last() else { break };
            after = last.try_get("position")?;
            read += u32::try_from(rows.len()).unwrap_or(u32::MAX);
        }
        Ok(f64::from(read) / start.elapsed().as_secs_f64())
    }
}
