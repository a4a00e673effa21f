//! Aggregates that a projection could not follow any further, and why. They wait; nothing of them is skipped silently.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use store::{Recorded, StoreError, chain, clock, log::to_sql};

use crate::shelf::Shelf;

/// Parked aggregates belong to the models, and move with them.
pub(crate) const TABLE: &str = "parked";

/// One aggregate that waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Parked {
    pub projection: String,
    pub stream: String,
    /// The version of the event that could not be taken.
    pub version: i64,
    pub position: i64,
    pub reason: String,
    /// Microseconds since the Unix epoch, UTC.
    pub parked_at: i64,
}

/// All that is parked, oldest first.
pub async fn all(views: &SqlitePool) -> Result<Vec<Parked>, sqlx::Error> {
    const SQL: &str =
        "select projection, stream, version, position, reason, parked_at from parked order by position";
    sqlx::query_as(SQL).fetch_all(views).await
}

/// Those of the streams that a projection parked.
pub(crate) async fn among(
    connection: &mut SqliteConnection,
    shelf: Shelf,
    projection: &str,
    streams: &[&str],
) -> Result<HashSet<String>, sqlx::Error> {
    let table = shelf.table(TABLE);
    let sql = format!(
        "select stream from {table} where projection = ? and stream in (select value from json_each(?))"
    );
    let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(projection)
        .bind(serde_json::json!(streams).to_string())
        .fetch_all(connection)
        .await?;
    Ok(found.into_iter().collect())
}

/// Parks an aggregate at an event, and raises the alarm where that is news: a rebuild counts what it parks in its report.
pub(crate) async fn park(
    connection: &mut SqliteConnection,
    shelf: Shelf,
    (projection, recorded): (&str, &Recorded),
    error: &StoreError,
) -> Result<(), sqlx::Error> {
    let (stream, reason) = (recorded.stream.as_str(), chain(error));
    if shelf == Shelf::Live {
        let version = recorded.version;
        tracing::error!(projection, stream, version, reason, "an event can't be read; its stream is parked");
    }
    let sql = format!(
        "insert into {} (projection, stream, version, position, reason, parked_at) values (?, ?, ?, ?, ?, ?) \
         on conflict do nothing",
        shelf.table(TABLE)
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(projection)
        .bind(stream)
        .bind(to_sql(recorded.version))
        .bind(recorded.position.to_sql())
        .bind(reason)
        .bind(clock::now().0)
        .execute(connection)
        .await?;
    Ok(())
}
