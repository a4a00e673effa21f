//! A file beside that of the read models, for what is built and need not last. It has no name any more as soon as it is open: it
//! ends with the connection, however that ends.

use std::{fs, io, path::Path};

use sqlx::{AssertSqlSafe, SqliteConnection};
use store::{private_file, views::Connection};

use super::RebuildError;

/// Rows go into an index of the live database in no order of it: what is at hand is not read again for each of them, and pages
/// that change with every step are moved out of the write-ahead log (64 MB of it) once for many steps.
const SETTINGS: [&str; 5] = [
    "scratch.journal_mode = off",
    "scratch.synchronous = off",
    "scratch.cache_size = -65536",
    "main.cache_size = -65536",
    "main.wal_autocheckpoint = 16000",
];

/// Makes the file and attaches it as `scratch`.
pub(super) async fn attach(bench: &mut Connection, path: &Path) -> Result<(), RebuildError> {
    match bench {
        Connection::Sqlite(connection) => attach_to(connection, path).await,
        Connection::Postgres { .. } => Ok(()),
    }
}

async fn attach_to(connection: &mut SqliteConnection, path: &Path) -> Result<(), RebuildError> {
    let unusable = |source| RebuildError::Scratch { path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
        _ => private_file::make(path).map_err(unusable)?,
    }
    let attach = sqlx::query("attach ? as scratch").bind(path.display().to_string());
    attach.execute(&mut *connection).await?;
    fs::remove_file(path).map_err(unusable)?;
    for setting in SETTINGS {
        let pragma = sqlx::query(AssertSqlSafe(format!("pragma {setting}")));
        pragma.execute(&mut *connection).await?;
    }
    Ok(())
}
