//! Locks between processes: files that are locked for as long as their holder lives, whatever ends him. Knows nothing of
//! what they guard.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use store::private_file;
use tokio::time::{Instant, sleep};

/// How long whoever holds a lock only for a moment is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// Held until it is dropped.
pub(crate) struct FileLock(#[expect(dead_code, reason = "the lock ends with the file")] File);

#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("{} is held by another process", .0.display())]
    Taken(PathBuf),
    #[error("{} can't be used", .path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl FileLock {
    /// Takes the lock, making its file where there is none; does not wait.
    pub(crate) fn claim(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Unusable { path: path.to_owned(), source };
        private_file::make(path).map_err(failed)?;
        let file = options().open(path).map_err(failed)?;
        Self::lock(file, path)
    }

    /// As [`claim`](Self::claim), with some patience for whoever holds it for a moment.
    pub(crate) async fn claim_soon(path: &Path) -> Result<Self, LockError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match Self::claim(path) {
                Err(LockError::Taken(_)) if Instant::now() < end => sleep(POLL).await,
                outcome => return outcome,
            }
        }
    }

    /// As [`claim`](Self::claim), where the file is there; makes nothing.
    pub(crate) fn claim_if_made(path: &Path) -> Result<Option<Self>, LockError> {
        match options().open(path) {
            Ok(file) => Self::lock(file, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LockError::Unusable { path: path.to_owned(), source }),
        }
    }

    fn lock(file: File, path: &Path) -> Result<Self, LockError> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(LockError::Unusable { path: path.to_owned(), source }),
        }
    }
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.append(true);
    options
}

/// A file of this name beside another, such as `views.db.lock`.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
