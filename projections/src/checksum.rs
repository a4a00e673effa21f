//! The checksum of a read model: SHA-256 over what stands in its rows and over what is parked of it, in the order of their
//! keys. The bytes that are hashed are ours, and no database's, so that the same model has the same checksum on any.

use data_encoding::HEXLOWER;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, TypeInfo, ValueRef, sqlite::SqliteRow};

use crate::{Cell, ReadModel, parked, shelf::Shelf};

/// What is hashed, and how. A change of either is another version.
const VERSION: &str = "stele read model 1";

/// A read model, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    pub(crate) parked: u64,
    /// In hex.
    pub(crate) checksum: String,
}

/// Sums up one model on one shelf. Why an aggregate was parked, and when, is left out: the words may change with a version
/// of the program, and the moment does with every rebuild.
pub(crate) async fn of<M: ReadModel>(
    connection: &mut SqliteConnection,
    shelf: Shelf,
) -> Result<Sum, sqlx::Error> {
    let mut hash = Sha256::new();
    for word in [VERSION, M::NAME].iter().chain(M::COLUMNS) {
        add(&mut hash, &Cell::Text((*word).to_owned()));
    }
    let (columns, key) = (M::COLUMNS.join(", "), M::KEY);
    let sql = format!("select {columns} from {} order by {key}", shelf.table(M::NAME));
    let rows = hash_all(connection, sql, &mut hash).await?;
    let sql = format!(
        "select stream, version, position from {} where projection = '{}' order by stream",
        shelf.table(parked::TABLE),
        M::NAME
    );
    let parked = hash_all(connection, sql, &mut hash).await?;
    Ok(Sum { rows, parked, checksum: HEXLOWER.encode(&hash.finalize()) })
}

/// Hashes rows, each with a mark before it, and a mark behind the last: where one ends can't be mistaken.
async fn hash_all(
    connection: &mut SqliteConnection,
    sql: String,
    hash: &mut Sha256,
) -> Result<u64, sqlx::Error> {
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        hash.update([b'r']);
        for column in 0..row.len() {
            add(hash, &cell(&row, column)?);
        }
        count += 1;
    }
    hash.update([b'.']);
    Ok(count)
}

/// As it stands in the database, so that nothing is read as what it should be.
fn cell(row: &SqliteRow, column: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    if value.type_info().name() == "INTEGER" {
        return Ok(Cell::Number(row.try_get(column)?));
    }
    Ok(Cell::Text(row.try_get(column)?))
}

/// Each kind with its own mark; a text with its length in bytes before it.
fn add(hash: &mut Sha256, cell: &Cell) {
    match cell {
        Cell::Null => hash.update([b'n']),
        Cell::Number(number) => {
            hash.update([b'i']);
            hash.update(number.to_be_bytes());
        }
        Cell::Text(text) => {
            hash.update([b't']);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
}
