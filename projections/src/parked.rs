//! Aggregates that a projection could not follow any further, and why. They wait; nothing of them is skipped silently.

use sqlx::{SqliteConnection, SqlitePool};
use store::{Recorded, StoreError, StreamId, chain, clock, log::to_sql};

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

pub(crate) async fn is_parked(
    connection: &mut SqliteConnection,
    projection: &str,
    stream: &StreamId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select 1 from parked where projection = ? and stream = ?)")
        .bind(projection)
        .bind(stream.as_str())
        .fetch_one(connection)
        .await
}

/// Parks an aggregate at an event, and raises the alarm.
pub(crate) async fn park(
    connection: &mut SqliteConnection,
    projection: &str,
    recorded: &Recorded,
    error: &StoreError,
) -> Result<(), sqlx::Error> {
    let (stream, reason) = (recorded.stream.as_str(), chain(error));
    tracing::error!(
        projection,
        stream,
        version = recorded.version,
        reason,
        "an event can't be read; its stream is parked"
    );
    sqlx::query(
        "insert into parked (projection, stream, version, position, reason, parked_at) values (?, ?, ?, ?, ?, ?) \
         on conflict do nothing",
    )
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
