//! The read models in a database on PostgreSQL.

use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, Encode, PgConnection, Postgres, Row as _, Type, TypeInfo, ValueRef,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, types::Oid},
    query::Query,
};

use super::{Cell, Kind, Row, Statement, Table, cell::unlike};
use crate::{
    migrations::VIEWS_ON_POSTGRES,
    postgres::{Database, OpenError, Safety, Url},
};

/// How many connections a process holds: two for each follower, and those that answer queries.
const CONNECTIONS: u32 = 8;

pub(super) async fn open(url: &Url, safety: Safety) -> Result<Database, OpenError> {
    Database::open(url, &VIEWS_ON_POSTGRES, CONNECTIONS, safety).await
}

pub(super) async fn each(
    connection: &mut PgConnection,
    statement: Statement<'_>,
    take: &mut (dyn FnMut(Row) + Send),
) -> Result<(), sqlx::Error> {
    let mut rows = query(statement).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        take(cells(&row)?);
    }
    Ok(())
}

pub(super) async fn rows(
    connection: &mut PgConnection,
    statement: Statement<'_>,
) -> Result<Vec<Row>, sqlx::Error> {
    query(statement).fetch_all(connection).await?.iter().map(cells).collect()
}

pub(super) async fn run(connection: &mut PgConnection, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
    Ok(query(statement).execute(connection).await?.rows_affected())
}

/// By one statement, which is the same for any number of rows: a list of values for each column.
pub(super) async fn put(
    connection: &mut PgConnection,
    (table, rows): (Table<'_>, &[Vec<Cell>]),
    again: bool,
) -> Result<(), sqlx::Error> {
    let lists: Vec<String> = (1..).zip(table.columns).map(|(at, (_, kind))| list(at, *kind)).collect();
    let sql = table.put(&format!("select * from unnest({})", lists.join(", ")));
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(again);
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null));
        query = match kind {
            Kind::Number => query.bind(cells.map(Cell::as_number).collect::<Result<Vec<_>, _>>()?),
            Kind::Text => query.bind(cells.map(Cell::as_text).collect::<Result<Vec<_>, _>>()?),
        };
    }
    query.execute(connection).await.map(drop)
}

fn list(at: usize, kind: Kind) -> String {
    let of = match kind {
        Kind::Number => "bigint",
        Kind::Text => "text",
    };
    format!("${at}::{of}[]")
}

pub(super) fn query(statement: Statement<'_>) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(statement.sql).persistent(statement.again);
    statement.values.iter().fold(query, |query, value| match value {
        Cell::Null => query.bind(Nothing),
        Cell::Number(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.clone()),
    })
}

pub(super) fn cells(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |column: &sqlx::postgres::PgColumn| {
        let at = column.ordinal();
        Ok(match (row.try_get_raw(at)?.is_null(), column.type_info().name()) {
            (true, _) => Cell::Null,
            (false, "INT8") => Cell::Number(row.try_get(at)?),
            (false, "TEXT") => Cell::Text(row.try_get(at)?),
            (false, _) => return Err(unlike("a number or a text")),
        })
    };
    row.columns().iter().map(cell).collect::<Result<_, _>>().map(Row::new)
}

/// No value, of the kind that the column wants: the server finds out which.
struct Nothing;

impl Type<Postgres> for Nothing {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Nothing {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}
