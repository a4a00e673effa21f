//! Aggregates that a projection could not follow any further, and why. They wait; nothing of them is skipped silently.

use std::collections::HashSet;

use store::{
    Recorded, StoreError, chain, clock,
    log::{from_sql, to_sql},
    views::{Kind, Statement, Statements, Views},
};

use crate::shelf::Shelf;

/// Parked aggregates belong to the models, and move with them.
pub(crate) const TABLE: &str = "parked";

/// One aggregate that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
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
pub async fn all(views: &Views) -> Result<Vec<Parked>, sqlx::Error> {
    const SQL: &str =
        "select projection, stream, version, position, reason, parked_at from parked order by position";
    let rows = views.rows(Statement::new(SQL, &[])).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Parked {
                projection: row.text()?,
                stream: row.text()?,
                version: row.number()?,
                position: row.number()?,
                reason: row.text()?,
                parked_at: row.number()?,
            })
        })
        .collect()
}

/// How many aggregates are parked.
pub async fn count(views: &Views) -> Result<u64, sqlx::Error> {
    let rows = views.rows(Statement::new("select count(*) from parked", &[])).await?;
    let mut row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
    row.number().map(from_sql)
}

/// Those of the streams that a projection parked.
pub(crate) async fn among(
    on: &mut dyn Statements,
    shelf: Shelf,
    projection: &str,
    streams: &[&str],
) -> Result<HashSet<String>, sqlx::Error> {
    let (table, is_asked_for) = (shelf.table(on.engine(), TABLE), on.engine().is_among("$2", Kind::Text));
    let sql = format!("select stream from {table} where projection = $1 and stream {is_asked_for}");
    let values = [projection.into(), serde_json::json!(streams).to_string().into()];
    on.rows(Statement::made(sql, &values)).await?.into_iter().map(|mut row| row.text()).collect()
}

/// Parks an aggregate at an event, and raises the alarm where that is news: a rebuild counts what it parks in its report.
pub(crate) async fn park(
    on: &mut dyn Statements,
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
        "insert into {} (projection, stream, version, position, reason, parked_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        shelf.table(on.engine(), TABLE)
    );
    let values = [
        projection.into(),
        stream.into(),
        to_sql(recorded.version).into(),
        recorded.position.to_sql().into(),
        reason.into(),
        clock::now().0.into(),
    ];
    on.run(Statement::made(sql, &values)).await.map(drop)
}
