//! Plain statements for PostgreSQL.

use sqlx::{Connection, PgConnection, Row as _};
use store::Position;

use super::{Row, Sample};
use crate::failed::Outcome;

/// A connection, and the newest position.
pub(super) async fn open(url: &str) -> Outcome<(PgConnection, i64)> {
    let mut connection = PgConnection::connect(url).await?;
    let position = sqlx::query_scalar("select position from log_head").fetch_one(&mut connection).await?;
    Ok((connection, position))
}

pub(super) async fn commit(connection: &mut PgConnection, sample: &Sample, rows: &[Row]) -> Outcome<()> {
    const SQL: &str = "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, \
         actor, data, sealed) select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], \
         $6::bigint[], $7::bytea[], $8::bytea[], $9::text[], $10::text[], $11::text[])";
    fn each<'r, T>(rows: &'r [Row], of: impl Fn(&'r Row) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let mut transaction = connection.begin().await?;
    sqlx::query(SQL)
        .bind(each(rows, |row| row.position))
        .bind(each(rows, |row| row.stream.as_str()))
        .bind(each(rows, |row| row.version))
        .bind(each(rows, |row| row.id.as_slice()))
        .bind(each(rows, |_| sample.kind.as_str()))
        .bind(each(rows, |_| 0_i64))
        .bind(each(rows, |row| row.correlation.as_slice()))
        .bind(each(rows, |_| None::<&[u8]>))
        .bind(each(rows, |_| sample.actor.as_str()))
        .bind(each(rows, |_| sample.data.as_str()))
        .bind(each(rows, |_| sample.sealed.as_deref()))
        .execute(&mut *transaction)
        .await?;
    sqlx::query("update log_head set position = $1")
        .bind(rows.last().map(|row| row.position))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// The position of the last event on a page, and how many there are.
pub(super) async fn page(
    connection: &mut PgConnection,
    after: i64,
    page: u16,
) -> Outcome<Option<(i64, usize)>> {
    const SQL: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, \
         data, sealed from events where position > $1 order by position limit $2";
    let rows = sqlx::query(SQL).bind(after).bind(i64::from(page)).fetch_all(connection).await?;
    Ok(rows.last().map(|last| last.try_get("position")).transpose()?.map(|last| (last, rows.len())))
}

/// How many events a log wrote with each commit after a position, on average: rows of one commit have one transaction's number.
pub(crate) async fn events_a_commit(url: &str, after: Position) -> Outcome<f64> {
    const SQL: &str =
        "select count(*)::float8 / greatest(count(distinct xmin::text), 1) from events where position > $1";
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar(SQL).bind(after.to_sql()).fetch_one(&mut connection).await?)
}
