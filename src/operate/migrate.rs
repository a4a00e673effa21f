//! `stele migrate`: brings the databases to the version of this binary.

#[cfg(feature = "kurrent")]
mod kurrent;

use super::{OperateError, Site, say};
#[cfg(feature = "kurrent")]
use crate::settings::Log;
use crate::settings::Settings;

pub(super) async fn migrate(settings: &Settings) -> Result<(), OperateError> {
    #[cfg(feature = "kurrent")]
    if let Log::Kurrent(url) = &settings.store.log {
        return kurrent::migrate(settings, url).await;
    }
    databases(settings).await
}

async fn databases(settings: &Settings) -> Result<(), OperateError> {
    Site::open_or_make(settings).await?;
    say("The databases are at the version of this binary.")
}
