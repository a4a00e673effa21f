//! Opens SQLite databases the way every part of Stele wants them: write-ahead log, every commit on disk, files private.

#[cfg(test)]
mod tests;

use std::{fmt, path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::Instant;

use crate::{
    migrations::{LOG_ON_SQLITE, VAULT_ON_SQLITE, VIEWS_ON_SQLITE},
    private_file,
};

/// How long another process may hold a lock.
const BUSY: Duration = Duration::from_secs(10);
/// How long to wait for a connection of ours: longer than its user may have to wait for another process.
const TAKEN: Duration = Duration::from_secs(12);
/// How many rows may be read before whoever asked takes the first: every time that he waits, two threads change places.
const ROWS_AHEAD: usize = 1000;

/// Which of the three databases a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Log,
    Vault,
    Views,
}

impl Role {
    fn migrator(self) -> &'static Migrator {
        match self {
            Self::Log => &LOG_ON_SQLITE,
            Self::Vault => &VAULT_ON_SQLITE,
            Self::Views => &VIEWS_ON_SQLITE,
        }
    }

    /// Whether deleted content is overwritten: a destroyed key must not live on in the free space of the file.
    fn secure_delete(self) -> &'static str {
        match self {
            Self::Vault => "on",
            Self::Log | Self::Views => "off",
        }
    }

    /// Read models can be made again from the log, so that their commits need not wait for the disk.
    fn synchronous(self) -> SqliteSynchronous {
        match self {
            Self::Log | Self::Vault => SqliteSynchronous::Full,
            Self::Views => SqliteSynchronous::Normal,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database {path} can't be opened")]
    Unreachable {
        path: String,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "the database {path} was made by a newer version of Stele; use that version, or restore an older copy"
    )]
    Newer { path: String },
    #[error(
        "the database {path} was migrated by another build of Stele, whose steps were not these; use that build, or \
         restore an older copy"
    )]
    Foreign { path: String },
    #[error(
        "the log {path} is a copy that was begun and not finished; finish it by the same `stele log copy` again"
    )]
    HalfCopied { path: String },
    #[error("the database {path} can't be migrated")]
    Migration {
        path: String,
        #[source]
        source: MigrateError,
    },
}

/// How far a database may be trusted to keep what it acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    journal: String,
    synchronous: i64,
}

impl Durability {
    /// Whether a commit that was acknowledged survives a loss of power.
    pub fn is_full(&self) -> bool {
        self.journal == "wal" && self.synchronous >= 2
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let synchronous = match self.synchronous {
            0 => "OFF",
            1 => "NORMAL",
            2 => "FULL",
            _ => "EXTRA",
        };
        let verdict = if self.is_full() { "durable" } else { "not durable" };
        write!(f, "{verdict} (journal {}, synchronous {synchronous})", self.journal)
    }
}

/// What the connections of a pool do to make their commits durable.
pub async fn durability(pool: &SqlitePool) -> Result<Durability, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let journal = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut *connection).await?;
    let synchronous = sqlx::query_scalar("pragma synchronous").fetch_one(&mut *connection).await?;
    Ok(Durability { journal, synchronous })
}

/// How a database file is opened, for connections beside the pool's.
pub fn options(path: &Path, role: Role) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(role.synchronous())
        .pragma("secure_delete", role.secure_delete())
        .busy_timeout(BUSY)
        .statement_cache_capacity(64)
        .row_buffer_size(ROWS_AHEAD);
    match role {
        // Whole tables are read here now and then, and nothing is wrong with what takes long.
        Role::Views => options.disable_statement_logging(),
        Role::Log | Role::Vault => options,
    }
}

/// Opens a database, making and migrating it where needed.
pub async fn open(path: &Path, role: Role, connections: u32) -> Result<SqlitePool, OpenError> {
    let shown = || path.display().to_string();
    private_file::make(path)
        .map_err(|error| OpenError::Unreachable { path: shown(), source: error.into() })?;
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TAKEN)
        // There is no server that may have hung up, and asking costs as much as a query.
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_clean(connection)));
    let pool = connect(pool, options(path, role))
        .await
        .map_err(|source| OpenError::Unreachable { path: shown(), source })?;
    migrate(&pool, role).await.map_err(|source| match source {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            OpenError::Newer { path: shown() }
        }
        MigrateError::VersionMismatch(_) => OpenError::Foreign { path: shown() },
        source => OpenError::Migration { path: shown(), source },
    })?;
    Ok(pool)
}

/// Whether a connection can serve someone else. Where SQLite rolled back of itself, as on a full disk, it still counts as
/// being in a transaction, and would refuse every later one.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback that waits is done by the time that this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Opens a database that is there already, and changes nothing in it.
pub async fn inspect(path: &Path, role: Role) -> Result<SqlitePool, OpenError> {
    let options = options(path, role).create_if_missing(false);
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(TAKEN);
    let unreachable = |source| OpenError::Unreachable { path: path.display().to_string(), source };
    pool.connect_with(options).await.map_err(unreachable)
}

/// Makes the first connection. While another process gives a new file its write-ahead log, SQLite refuses at once instead
/// of waiting as it does for other locks.
async fn connect(pool: SqlitePoolOptions, options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let end = Instant::now() + BUSY;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|extended| extended & 0xff == SQLITE_BUSY)
}

/// Migrates under the write lock, so that of several processes that start at once one does it, and the others wait.
async fn migrate(pool: &SqlitePool, role: Role) -> Result<(), MigrateError> {
    let mut transaction = pool.begin_with("begin immediate").await?;
    // What `run` calls: the future of `run` itself is not seen to be `Send` on a borrowed connection.
    role.migrator().run_direct(None, &mut *transaction, false).await?;
    Ok(transaction.commit().await?)
}
