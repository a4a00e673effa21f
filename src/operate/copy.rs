//! `stele log copy`: moves what an installation keeps to another place, and tells whether it arrived. Changes nothing where it comes
//! from.

mod log;
mod place;

use store::{StoreError, log::copy::CopyError};

pub(super) use log::copy as copy_log;

use crate::{backends::BackendError, settings::ValueError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFailed {
    #[error("--{argument} can't be used")]
    Url {
        argument: &'static str,
        #[source]
        source: ValueError,
    },
    #[error("--from and --to are the same database")]
    Same,
    #[error("there is nothing to copy: {0} does not exist")]
    Missing(String),
    #[error(
        "{0} stands behind a pooler, which hides who else is connected; give the address of the server itself"
    )]
    Pooled(String),
    #[error("the target {place} is in use: {by}; nothing was written")]
    InUse { place: String, by: String },
    #[error("{by}: the source may get more. Stop that, and give the same command again: it copies the rest")]
    Behind { by: String },
    #[error("what was read back is not what was written, see above; nobody should use the target")]
    Different,
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl CopyFailed {
    /// 3 where the two are not the same in the end, else 1.
    pub(super) const fn exit_code(&self) -> u8 {
        if matches!(self, Self::Behind { .. } | Self::Different) { 3 } else { 1 }
    }
}
