//! The lock of whoever makes, switches or removes whole read models: a rebuild, or the server that tidies up after it.

use crate::{
    file_lock::{FileLock, LockError, beside},
    settings::Settings,
};

/// Takes it, waiting no longer than the server needs to find nothing to do.
pub(crate) async fn claim(settings: &Settings) -> Result<FileLock, LockError> {
    FileLock::claim_soon(&beside(settings.store.views.path(), ".rebuild.lock")).await
}
