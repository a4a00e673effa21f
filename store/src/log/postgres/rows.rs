//! The rows of a log on PostgreSQL, for those who copy it: one connection, so that all others are someone else's. To be written by the
//! role that owns the tables, as no other may give a log its id.

use async_trait::async_trait;
use sqlx::{Postgres, Row, Transaction, error::DatabaseError};

use super::{PostgresLog, can_be_kept, writer};
use crate::{
    log::{
        LogHead, Position, Recorded, StoreError,
        batch::Placed,
        copy::{LogRows, Sequence},
        row::recorded,
        unavailable, went_on,
    },
    migrations::LOG_ON_POSTGRES,
    postgres::{Database, OpenError, Safety, Url},
};

pub struct PostgresLogRows(Database);

impl PostgresLogRows {
    /// Opens a log that is there already, and changes nothing in it.
    pub async fn inspect(url: &Url) -> Result<Self, OpenError> {
        Database::connect(url, 1).await.map(Self)
    }

    /// Opens or makes the log.
    pub async fn open(url: &Url, safety: Safety) -> Result<Self, OpenError> {
        Database::open(url, &LOG_ON_POSTGRES, 1, safety).await.map(Self)
    }

    /// A transaction beside which nobody writes, on a log that has come to `head`.
    async fn begin_at(&self, head: Position) -> Result<Transaction<'static, Postgres>, StoreError> {
        const SQL: &str = "select position from log_head for no key update";
        let mut work = self.0.begin().await.map_err(unavailable)?;
        let row = self.0.query(SQL).fetch_one(&mut *work).await.map_err(unavailable)?;
        let found = Position::from_sql(row.try_get(0).map_err(unavailable)?);
        if found == head { Ok(work) } else { Err(went_on()) }
    }
}

#[async_trait]
impl LogRows for PostgresLogRows {
    async fn head(&self) -> Result<LogHead, StoreError> {
        PostgresLog::look(&self.0).await.map_err(unavailable)
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let rows = self.0.rows(|| super::page(&self.0, after, limit)).await.map_err(unavailable)?;
        rows.iter().map(recorded).collect()
    }

    async fn sequences(&self) -> Result<Vec<Sequence>, StoreError> {
        const SQL: &str = "select name, last from sequences order by name";
        let rows = self.0.rows(|| self.0.query(SQL)).await.map_err(unavailable)?;
        let sequence = |row: &sqlx::postgres::PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(sequence).collect::<Result<_, sqlx::Error>>().map_err(unavailable)
    }

    async fn others(&self) -> Result<Vec<String>, StoreError> {
        self.0.others().await.map_err(unavailable)
    }

    async fn begin(&self, log_id: &str, seen: &LogHead) -> Result<(), StoreError> {
        const SQL: &str =
            "update log_head set log_id = $1, half_copied = true where log_id = $2 and position = $3";
        let update = self.0.query(SQL).bind(log_id).bind(&seen.log_id).bind(seen.position.to_sql());
        let updated = update.execute(self.0.pool()).await.map_err(not_the_owner)?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(went_on()) }
    }

    async fn add(&self, events: &[Recorded], after: Position) -> Result<(), StoreError> {
        let Some(last) = events.last() else { return Ok(()) };
        events.iter().try_for_each(|recorded| can_be_kept(&recorded.stream, &recorded.event))?;
        let placed: Vec<Placed<'_>> = events.iter().map(Placed::from).collect();
        let mut work = self.begin_at(after).await?;
        writer::write(&self.0, &mut work, &placed, last.position).await.map_err(unavailable)?;
        work.commit().await.map_err(unavailable)
    }

    async fn finish(&self, head: Position, sequences: &[Sequence]) -> Result<(), StoreError> {
        const RAISE: &str = "insert into sequences as s (name, last) select * from unnest($1::text[], $2::bigint[]) \
             on conflict (name) do update set last = greatest(s.last, excluded.last)";
        let (names, numbers): (Vec<&str>, Vec<i64>) =
            sequences.iter().map(|(name, last)| (name.as_str(), *last)).unzip();
        let mut work = self.begin_at(head).await?;
        let raise = self.0.query(RAISE).bind(names).bind(numbers);
        raise.execute(&mut *work).await.map_err(unavailable)?;
        let whole = self.0.query("update log_head set half_copied = false");
        whole.execute(&mut *work).await.map_err(not_the_owner)?;
        work.commit().await.map_err(unavailable)
    }
}

fn not_the_owner(error: sqlx::Error) -> StoreError {
    const FORBIDDEN: &str = "42501";
    match error.as_database_error().and_then(DatabaseError::code) {
        Some(code) if code == FORBIDDEN => {
            unavailable("this role may not give a log its id: copy as the role that owns the tables")
        }
        _ => unavailable(error),
    }
}
