//! An event as a row of any SQL engine: which columns it has, and how they are read.

use domain::Time;
use sqlx::{ColumnIndex, Decode, Row, Type};
use uuid::Uuid;

use super::{NewEvent, Position, Recorded, StoreError, StreamId, from_sql, unavailable};
use crate::Cause;

/// Reads an event; one that can't be read is named by its stream and version.
pub(super) fn recorded<R>(row: &R) -> Result<Recorded, StoreError>
where
    R: Row,
    for<'n> &'n str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    let stream = StreamId::named(row.try_get::<String, _>("stream").map_err(unavailable)?);
    let version = from_sql(row.try_get("version").map_err(unavailable)?);
    decode(row, &stream, version).map_err(|source| StoreError::Corrupt { stream, version, source })
}

fn decode<R>(row: &R, stream: &StreamId, version: u64) -> Result<Recorded, Cause>
where
    R: Row,
    for<'n> &'n str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes);
    let causation = row.try_get::<Option<&[u8]>, _>("causation")?.map(uuid).transpose()?;
    Ok(Recorded {
        event: NewEvent {
            id: uuid(row.try_get("id")?)?,
            kind: row.try_get("type")?,
            correlation: uuid(row.try_get("correlation")?)?,
            causation,
            actor: row.try_get("actor")?,
            data: row.try_get("data")?,
            sealed: row.try_get("sealed")?,
        },
        stream: stream.clone(),
        version,
        position: Position::from_sql(row.try_get("position")?),
        recorded_at: Time(row.try_get("recorded_at")?),
    })
}
