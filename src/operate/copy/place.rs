//! One end of a copy of a log: opened on whichever engine it is, and guarded against those who would write to it meanwhile.

use std::{path::PathBuf, time::Duration};

#[cfg(feature = "kurrent")]
use store::log::kurrent::KurrentLogRows;
use store::{
    log::{PostgresLogRows, SqliteLogRows, copy::LogRows},
    postgres::Url,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::CopyFailed;
use crate::{
    backends::{BackendError, safety},
    file_lock::{FileLock, LockError, beside},
    settings::{Database, Log, Settings},
};

/// How long others are waited for who may be on their way out, such as an earlier copy that was killed.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

pub(super) struct Place {
    pub(super) rows: Box<dyn LogRows>,
    pub(super) shown: String,
    /// The lock of the server, for a log in a file.
    lock: Mutex<Lock>,
}

enum Lock {
    Open(PathBuf),
    Held(#[expect(dead_code, reason = "it is held, not used")] FileLock),
    Unneeded,
}

impl Place {
    pub(super) async fn source(log: &Log) -> Result<Self, CopyFailed> {
        let missing = || CopyFailed::Missing(log.to_string());
        let rows: Box<dyn LogRows> = match log {
            Log::Sql(Database::Sqlite(path)) if !path.exists() => return Err(missing()),
            Log::Sql(Database::Sqlite(path)) => {
                Box::new(SqliteLogRows::inspect(path).await.map_err(BackendError::from)?)
            }
            Log::Sql(Database::Postgres(url)) => {
                Box::new(PostgresLogRows::inspect(direct(url)?).await.map_err(BackendError::from)?)
            }
            #[cfg(feature = "kurrent")]
            Log::Kurrent(url) => {
                let there = KurrentLogRows::inspect(url).await.map_err(BackendError::from)?;
                Box::new(there.ok_or_else(missing)?)
            }
        };
        Ok(Self::of(log, rows))
    }

    /// Opens or makes the log; refused while anybody uses it, and kept from servers from here on.
    pub(super) async fn target(log: &Log, settings: &Settings) -> Result<Self, CopyFailed> {
        let rows: Box<dyn LogRows> = match log {
            Log::Sql(Database::Sqlite(path)) => {
                Box::new(SqliteLogRows::open(path).await.map_err(BackendError::from)?)
            }
            Log::Sql(Database::Postgres(url)) => {
                let opened = PostgresLogRows::open(direct(url)?, safety(settings)).await;
                Box::new(opened.map_err(BackendError::from)?)
            }
            #[cfg(feature = "kurrent")]
            Log::Kurrent(url) => Box::new(KurrentLogRows::open(url).await.map_err(BackendError::from)?),
        };
        let place = Self::of(log, rows);
        match place.user().await? {
            Some(by) => Err(CopyFailed::InUse { place: place.shown, by }),
            None => Ok(place),
        }
    }

    fn of(log: &Log, rows: Box<dyn LogRows>) -> Self {
        let lock = log.file().map_or(Lock::Unneeded, |path| Lock::Open(beside(path, ".lock")));
        Self { rows, shown: log.to_string(), lock: Mutex::new(lock) }
    }

    /// Who uses the log now, if anybody does. Else no server starts on one that is in a file, from here on.
    pub(super) async fn user(&self) -> Result<Option<String>, CopyFailed> {
        let mut lock = self.lock.lock().await;
        if let Lock::Open(path) = &*lock {
            match FileLock::claim_soon(path).await {
                Ok(claimed) => *lock = Lock::Held(claimed),
                Err(LockError::Taken(path)) => {
                    return Ok(Some(format!("a server holds {}", path.display())));
                }
                Err(error) => return Err(BackendError::from(error).into()),
            }
        }
        let others = others(async || self.rows.others().await).await?;
        Ok(others.map(|others| format!("others are connected to {}: {others}", self.shown)))
    }
}

/// The names of those who are connected beside us and stay.
pub(super) async fn others<E>(ask: impl AsyncFn() -> Result<Vec<String>, E>) -> Result<Option<String>, E> {
    let end = Instant::now() + PATIENCE;
    loop {
        let others = ask().await?;
        if others.is_empty() || Instant::now() >= end {
            return Ok((!others.is_empty()).then(|| others.join(", ")));
        }
        sleep(POLL).await;
    }
}

pub(super) fn direct(url: &Url) -> Result<&Url, CopyFailed> {
    if url.has_sessions() { Ok(url) } else { Err(CopyFailed::Pooled(url.to_string())) }
}
