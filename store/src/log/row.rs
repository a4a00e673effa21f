//! An event as a row of any SQL engine: which columns it has, in the order in which every query asks for them, and how they are
//! read.

use domain::Time;
use sqlx::{ColumnIndex, Decode, Row, Type};
use uuid::Uuid;

use super::{NewEvent, Position, Recorded, StoreError, StreamId, from_sql, unavailable};
use crate::Cause;

// By number, as looking for names takes a third of the time in which a row is read.
const POSITION: usize = 0;
const STREAM: usize = 1;
const VERSION: usize = 2;
const ID: usize = 3;
const TYPE: usize = 4;
const RECORDED_AT: usize = 5;
const CORRELATION: usize = 6;
const CAUSATION: usize = 7;
const ACTOR: usize = 8;
const DATA: usize = 9;
const SEALED: usize = 10;
/// What a query asks for beside an event.
pub(super) const BESIDE: usize = 11;

/// Reads an event; one that can't be read is named by its stream and version.
pub(super) fn recorded<R>(row: &R) -> Result<Recorded, StoreError>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    let stream = StreamId::named(row.try_get::<&str, _>(STREAM).map_err(unavailable)?);
    let version = from_sql(row.try_get(VERSION).map_err(unavailable)?);
    decode(row, &stream, version).map_err(|source| StoreError::Corrupt { stream, version, source })
}

fn decode<R>(row: &R, stream: &StreamId, version: u64) -> Result<Recorded, Cause>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes);
    let causation = row.try_get::<Option<&[u8]>, _>(CAUSATION)?.map(uuid).transpose()?;
    Ok(Recorded {
        event: NewEvent {
            id: uuid(row.try_get(ID)?)?,
            kind: row.try_get(TYPE)?,
            correlation: uuid(row.try_get(CORRELATION)?)?,
            causation,
            actor: row.try_get(ACTOR)?,
            data: row.try_get(DATA)?,
            sealed: row.try_get(SEALED)?,
        },
        stream: stream.clone(),
        version,
        position: Position::from_sql(row.try_get(POSITION)?),
        recorded_at: Time(row.try_get(RECORDED_AT)?),
    })
}
