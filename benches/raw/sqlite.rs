//! Plain statements for SQLite.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection, sqlite::SqliteRow};
use store::sqlite::{self, Role};

use super::{Row, Sample};
use crate::failed::Outcome;

/// A connection as the log has them, and the newest position.
pub(super) async fn open(path: &Path) -> Outcome<(SqliteConnection, i64)> {
    let mut connection = SqliteConnection::connect_with(&sqlite::options(path, Role::Log)).await?;
    let position = sqlx::query_scalar("select position from log_head").fetch_one(&mut connection).await?;
    Ok((connection, position))
}

pub(super) async fn commit(connection: &mut SqliteConnection, sample: &Sample, rows: &[Row]) -> Outcome<()> {
    let places = vec!["(?, ?, ?, ?, ?, 0, ?, null, ?, ?, ?)"; rows.len()].join(", ");
    let sql = format!(
        "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, actor, data, \
         sealed) values {places}"
    );
    let mut transaction = connection.begin_with("begin immediate").await?;
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for row in rows {
        insert = insert
            .bind(row.position)
            .bind(row.stream.as_str())
            .bind(row.version)
            .bind(row.id.as_slice())
            .bind(sample.kind.as_str())
            .bind(row.correlation.as_slice())
            .bind(sample.actor.as_str())
            .bind(sample.data.as_str())
            .bind(sample.sealed.as_deref());
    }
    insert.execute(&mut *transaction).await?;
    sqlx::query("update log_head set position = ?")
        .bind(rows.last().map(|row| row.position))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// The position of the last event on a page, and how many there are.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    after: i64,
    page: u16,
) -> Outcome<Option<(i64, usize)>> {
    const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
         data, sealed from events where position > ? order by position limit ?";
    let rows = sqlx::query(SQL).bind(after).bind(page).fetch_all(connection).await?;
    Ok(rows.last().map(|last| last.try_get("position")).transpose()?.map(|last| (last, rows.len())))
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
