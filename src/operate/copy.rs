//! `stele log copy` and `stele vault copy`: take what an installation keeps to another place, and tell whether it arrived. They change nothing
//! where it comes from.

mod log;
mod place;
mod vault;

use store::{StoreError, VaultError, log::copy::CopyError as LogError, vault::copy::CopyError as KeysError};

pub(super) use log::copy as copy_log;
pub(super) use vault::copy as copy_vault;

use crate::{backends::BackendError, command_line::Between, settings::ValueError};

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
    #[error("{place} is in use: {by}; stop that, and give the command again")]
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
    Log(#[from] LogError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl CopyFailed {
    /// 3 where the two are not the same in the end, else 1.
    pub(super) const fn exit_code(&self) -> u8 {
        if matches!(self, Self::Behind { .. } | Self::Different) { 3 } else { 1 }
    }
}

/// Where it comes from and where it goes, which must not be the same.
fn ends<P>(
    asked: &Between,
    read: impl Fn(&str) -> Result<P, ValueError>,
    is_same: impl Fn(&P, &P) -> bool,
) -> Result<(P, P), CopyFailed> {
    let named = |argument, url: &str| read(url).map_err(|source| CopyFailed::Url { argument, source });
    let (from, to) = (named("from", &asked.from)?, named("to", &asked.to)?);
    if is_same(&from, &to) { Err(CopyFailed::Same) } else { Ok((from, to)) }
}
