//! The checksum of a read model: SHA-256 over what stands in its rows and over what is parked of it, in the order of their
//! keys. The bytes that are hashed are ours, and no database's, so that the same model has the same checksum on any.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use store::views::{Cell, Row, Statement, Statements};

use crate::{ReadModel, parked, read_model::columns, shelf::Shelf};

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
pub(crate) async fn of<M: ReadModel>(on: &mut dyn Statements, shelf: Shelf) -> Result<Sum, sqlx::Error> {
    let mut hash = Sha256::new();
    for word in [VERSION, M::NAME].into_iter().chain(M::COLUMNS.iter().map(|(column, _)| *column)) {
        add(&mut hash, &Cell::Text(word.to_owned()));
    }
    let (columns, table) = (columns::<M>(), shelf.table(on.engine(), M::NAME));
    let sql = format!("select {columns} from {table} order by {}", M::KEY);
    let rows = hash_all(on, sql, &mut hash).await?;
    let sql = format!(
        "select stream, version, position from {} where projection = '{}' order by stream",
        shelf.table(on.engine(), parked::TABLE),
        M::NAME
    );
    let parked = hash_all(on, sql, &mut hash).await?;
    Ok(Sum { rows, parked, checksum: HEXLOWER.encode(&hash.finalize()) })
}

/// Hashes rows, each with a mark before it, and a mark behind the last: where one ends can't be mistaken.
async fn hash_all(on: &mut dyn Statements, sql: String, hash: &mut Sha256) -> Result<u64, sqlx::Error> {
    let mut count = 0;
    let mut take = |row: Row| {
        hash.update([b'r']);
        row.for_each(|cell| add(hash, &cell));
        count += 1;
    };
    on.each(Statement::once(sql, &[]), &mut take).await?;
    hash.update([b'.']);
    Ok(count)
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
