//! The lock of whoever makes, switches or removes whole read models: a rebuild, or the server that tidies up after it. It is where
//! the read models are.

use store::views::{Claim, Views};

use crate::{
    file_lock::{FileLock, LockError, beside},
    settings::{Database, Settings},
};

/// Known by this number to all who share a database: the bytes of `stele` and a number.
const NUMBER: i64 = 0x73_74_65_6c_65_00_02;

/// Held until it is dropped.
pub(crate) enum RebuildLock {
    File(#[expect(dead_code, reason = "it is held, not used")] FileLock),
    Server(#[expect(dead_code, reason = "it is held, not used")] Claim),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RebuildLockError {
    #[error("another rebuild is under way, or a server tidies up after one: it holds {0}")]
    Taken(String),
    #[error(transparent)]
    File(LockError),
    #[error("the database of the read models can't be used")]
    Views(#[from] sqlx::Error),
}

/// Takes it, waiting no longer than a server needs to find nothing to do.
pub(crate) async fn claim(settings: &Settings, views: &Views) -> Result<RebuildLock, RebuildLockError> {
    match &settings.store.views {
        Database::Sqlite(path) => match FileLock::claim_soon(&beside(path, ".rebuild.lock")).await {
            Ok(lock) => Ok(RebuildLock::File(lock)),
            Err(LockError::Taken(path)) => Err(RebuildLockError::Taken(path.display().to_string())),
            Err(error @ LockError::Unusable { .. }) => Err(RebuildLockError::File(error)),
        },
        Database::Postgres(url) => match views.claim_soon(NUMBER).await? {
            Some(claim) => Ok(RebuildLock::Server(claim)),
            None => Err(RebuildLockError::Taken(format!("a lock in {url}"))),
        },
    }
}
