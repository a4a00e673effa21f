//! The read models in a SQLite file.

use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::{
    Row as _, Sqlite, SqliteConnection, SqlitePool, TypeInfo, ValueRef,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Cell, Row, Statement, Table};
use crate::sqlite::{self, OpenError, Role};

/// How many connections read.
const READERS: u32 = 6;
/// How many rows one statement may write, the most first. Statements of few sizes can be kept ready.
const AT_ONCE: [usize; 3] = [100, 10, 1];

/// One file: many read, and who writes waits for his turn at the one connection that may. Whoever finds the database itself taken
/// waits by sleeping longer and longer.
#[derive(Clone)]
pub(super) struct File {
    pub(super) readers: SqlitePool,
    pub(super) writer: SqlitePool,
}

impl File {
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        let readers = sqlite::open(path, Role::Views, READERS).await?;
        Ok(Self { readers, writer: sqlite::open(path, Role::Views, 1).await? })
    }

    pub(super) async fn inspect(path: &Path) -> Result<Self, OpenError> {
        let readers = sqlite::inspect(path, Role::Views).await?;
        Ok(Self { writer: readers.clone(), readers })
    }
}

pub(super) async fn each(
    connection: &mut SqliteConnection,
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
    connection: &mut SqliteConnection,
    statement: Statement<'_>,
) -> Result<Vec<Row>, sqlx::Error> {
    query(statement).fetch_all(connection).await?.iter().map(cells).collect()
}

pub(super) async fn run(
    connection: &mut SqliteConnection,
    statement: Statement<'_>,
) -> Result<u64, sqlx::Error> {
    Ok(query(statement).execute(connection).await?.rows_affected())
}

pub(super) async fn put(
    connection: &mut SqliteConnection,
    table: Table<'_>,
    mut rows: &[Vec<Cell>],
) -> Result<(), sqlx::Error> {
    // Without names: for each that has one SQLite goes through all names.
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    for size in AT_ONCE {
        let chunks = rows.chunks_exact(size);
        rows = chunks.remainder();
        for chunk in chunks {
            let sql = table.put(&format!("values {}", vec![row.as_str(); size].join(", ")));
            run(connection, Statement::made(sql, &chunk.concat())).await?;
        }
    }
    Ok(())
}

fn query(statement: Statement<'_>) -> Query<'static, Sqlite, SqliteArguments> {
    let query = sqlx::query(statement.sql).persistent(statement.again);
    statement.values.iter().fold(query, |query, value| match value {
        Cell::Null => query.bind(None::<i64>),
        Cell::Number(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.clone()),
    })
}

/// As it stands in the database, so that nothing is read as what it should be.
fn cells(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let cell = |column| {
        let value = row.try_get_raw(column)?;
        Ok(match value.is_null() {
            true => Cell::Null,
            false if value.type_info().name() == "INTEGER" => Cell::Number(row.try_get(column)?),
            false => Cell::Text(row.try_get(column)?),
        })
    };
    (0..row.len()).map(cell).collect::<Result<_, sqlx::Error>>().map(Row::new)
}
