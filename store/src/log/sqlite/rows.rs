//! The rows of a log in a SQLite file, for those who copy it. Who else has the file open can't be seen from here.

use std::path::Path;

use async_trait::async_trait;
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::{SqliteLog, writer};
use crate::{
    log::{
        LogHead, Position, Recorded, StoreError,
        batch::Placed,
        copy::{LogRows, Sequence},
        unavailable, went_on,
    },
    sqlite::{self, OpenError, Role},
};

pub struct SqliteLogRows(SqlitePool);

impl SqliteLogRows {
    /// Opens a log that is there already, and changes nothing in it.
    pub async fn inspect(path: &Path) -> Result<Self, OpenError> {
        sqlite::inspect(path, Role::Log).await.map(Self)
    }

    /// Opens or makes the log.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        SqliteLog::make(path, 1).await.map(Self)
    }

    /// A transaction beside which nobody writes, on a log that has come to `head`.
    async fn begin_at(&self, head: Position) -> Result<Transaction<'_, Sqlite>, StoreError> {
        let mut work = self.0.begin_with("begin immediate").await.map_err(unavailable)?;
        let found = super::head(&mut *work).await.map_err(unavailable)?;
        if found == head { Ok(work) } else { Err(went_on()) }
    }
}

#[async_trait]
impl LogRows for SqliteLogRows {
    async fn head(&self) -> Result<LogHead, StoreError> {
        SqliteLog::look(&self.0).await.map_err(unavailable)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        super::read_all(&self.0, after, limit).await
    }

    async fn sequences(&self) -> Result<Vec<Sequence>, StoreError> {
        const SQL: &str = "select name, last from sequences order by name";
        sqlx::query_as(SQL).fetch_all(&self.0).await.map_err(unavailable)
    }

    async fn others(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn begin(&self, log_id: &str, seen: &LogHead) -> Result<(), StoreError> {
        const SQL: &str = "update log_head set log_id = ?, half_copied = 1 where log_id = ? and position = ?";
        let update = sqlx::query(SQL).bind(log_id).bind(&seen.log_id).bind(seen.position.to_sql());
        let updated = update.execute(&self.0).await.map_err(unavailable)?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(went_on()) }
    }

    async fn add(&self, events: &[Recorded], after: Position) -> Result<(), StoreError> {
        let Some(last) = events.last() else { return Ok(()) };
        let mut work = self.begin_at(after).await?;
        let placed: Vec<Placed<'_>> = events.iter().map(Placed::from).collect();
        writer::insert(&mut work, &placed).await.map_err(unavailable)?;
        let raise = sqlx::query("update log_head set position = ?").bind(last.position.to_sql());
        raise.execute(&mut *work).await.map_err(unavailable)?;
        work.commit().await.map_err(unavailable)
    }

    async fn finish(&self, head: Position, sequences: &[Sequence]) -> Result<(), StoreError> {
        const RAISE: &str = "insert into sequences (name, last) values (?, ?) \
             on conflict (name) do update set last = max(last, excluded.last)";
        let mut work = self.begin_at(head).await?;
        for (name, last) in sequences {
            sqlx::query(RAISE).bind(name).bind(last).execute(&mut *work).await.map_err(unavailable)?;
        }
        let whole = sqlx::query("update log_head set half_copied = 0");
        whole.execute(&mut *work).await.map_err(unavailable)?;
        work.commit().await.map_err(unavailable)
    }
}
