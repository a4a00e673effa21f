//! Opens what the settings name: log, vault, desk and keys. Serving and every command share it; knows no rule.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use api::token::{
    jwt::Jwt,
    keyring::{KeyError, Keyring, MacKeys as TokenKeys},
};
#[cfg(feature = "kurrent")]
use store::log::{
    OneByOne,
    kurrent::{self, KurrentLog},
};
use store::{
    EventLog, Journal, MasterKey, Position, StoreError, Vault, VaultError, clock,
    follow::{Desk, Settled, Tenure},
    log::{PostgresLog, SqliteLog},
    node_keys::{self, MacKeys},
    postgres::{self, Safety},
    random, sqlite,
    views::Views,
};

use crate::{
    file_lock::{self, FileLock, LockError},
    master_key::{self, MasterKeyFileError},
    settings::{Database, Log, Settings},
    signing_keys::{self, SigningKeyError},
};

/// How long a lease lasts unless it is renewed, where the lock on a file says whether its holder lives.
const LEASE: Duration = Duration::from_secs(10);
/// The same where others can tell by the lease alone.
const SHARED_LEASE: Duration = Duration::from_millis(1500);

#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFileError),
    #[error(transparent)]
    Open(#[from] sqlite::OpenError),
    #[error(transparent)]
    OpenOnServer(#[from] postgres::OpenError),
    #[cfg(feature = "kurrent")]
    #[error(transparent)]
    OpenOnKurrent(#[from] kurrent::OpenError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("the read models can't be read")]
    Views(#[from] sqlx::Error),
    #[error("the vault holds no complete set of keys")]
    NoKeys,
    #[error(transparent)]
    SigningKeys(#[from] SigningKeyError),
    #[error(transparent)]
    SigningKey(#[from] KeyError),
    #[error(
        "another stele serves these databases: it holds {}; stop it, or give this one a data_dir of its own", .0.display()
    )]
    Taken(PathBuf),
    #[error(
        "the log {log} holds events, but its vault {vault} is new, or a copy that was not finished; finish it by the same `stele \
         vault copy` again, or put the vault back from your backup: without it nothing personal in the log can be read"
    )]
    VaultLost { log: String, vault: String },
    #[error(
        "the vault {vault} belongs to log {bound}, and {log} is log {found}; put the two back from the same backup"
    )]
    ForeignVault { log: String, vault: String, bound: String, found: String },
    #[error("the read models {views} are kept for another log than {log}, by a process that runs")]
    ForeignViews { views: String, log: String },
    #[error("there is no installation here: {} does not exist; start stele once, or name the settings by --config", .0.display())]
    NotInstalled(PathBuf),
    #[error("{} can't be used; change its rights, or set data_dir", .path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// All that is open. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backends {
    pub(crate) journal: Journal,
    pub(crate) desk: Desk,
    pub(crate) macs: Arc<MacKeys>,
    /// Whether this start made the master key.
    pub(crate) new_master_key: bool,
}

/// The proof that no other process serves these databases, as far as they are files; held for as long as this one does. Databases on
/// a server are for any number of processes.
pub(crate) struct SoleServer(Vec<FileLock>);

impl Backends {
    /// Opens all backends, making what does not exist yet. `sole`: for a process that serves them, or sees to it that none does.
    pub(crate) async fn open(settings: &Settings, sole: Option<&SoleServer>) -> Result<Self, BackendError> {
        let (master, new_master_key) = master_key::obtain(settings)?;
        let vault = open_vault(settings, master).await?;
        let log = open_log(settings).await?;
        let head = log.head().await?;
        check_bond(settings, &vault, (log.log_id(), head)).await?;
        node_keys::complete(&vault).await?;
        signing_keys::ensure_one(&vault, settings.jwt.algorithm).await?;
        let desk = open_desk(settings, sole).await?;
        if sole.is_some() {
            settle(settings, &desk, log.as_ref()).await?;
        }
        let macs = MacKeys::from(&vault.node_keys().await?).ok_or(BackendError::NoKeys)?;
        Ok(Self { journal: Journal::new(log, vault), desk, macs: Arc::new(macs), new_master_key })
    }

    /// What tokens are made and read with, as the vault has it now.
    pub(crate) async fn jwt(&self, settings: &Settings, issuer: &str) -> Result<Jwt, BackendError> {
        let keys = signing_keys::in_use(self.journal.vault(), &settings.jwt.rules, clock::now()).await?;
        let macs = TokenKeys { refresh: self.macs.refresh.clone(), opaque: self.macs.opaque.clone() };
        let keyring = Keyring::new(&keys, settings.jwt.algorithm, macs)?;
        Ok(Jwt::new(keyring, issuer.to_owned(), settings.jwt.audience.clone()))
    }
}

async fn open_vault(settings: &Settings, master: MasterKey) -> Result<Arc<Vault>, BackendError> {
    Ok(Arc::new(match &settings.store.vault {
        Database::Sqlite(path) => Vault::open_file(path, master).await?,
        Database::Postgres(url) => Vault::open_url(url, safety(settings), master).await?,
    }))
}

async fn open_log(settings: &Settings) -> Result<Arc<dyn EventLog>, BackendError> {
    Ok(match &settings.store.log {
        Log::Sql(Database::Sqlite(path)) => Arc::new(SqliteLog::open(path).await?),
        Log::Sql(Database::Postgres(url)) => Arc::new(PostgresLog::open(url, safety(settings)).await?),
        #[cfg(feature = "kurrent")]
        Log::Kurrent(url) => Arc::new(OneByOne(KurrentLog::open(url).await?)),
    })
}

async fn open_desk(settings: &Settings, sole: Option<&SoleServer>) -> Result<Desk, BackendError> {
    let node = format!("{:08x}", random::number() >> 32);
    Ok(match &settings.store.views {
        Database::Sqlite(path) => {
            let tenure = Tenure { length: LEASE, sole: sole.is_some() };
            Desk::new(Views::open_file(path).await?, node, tenure)
        }
        Database::Postgres(url) => {
            let tenure = Tenure { length: SHARED_LEASE, sole: false };
            Desk::new(Views::open_url(url, safety(settings)).await?, node, tenure)
        }
    })
}

/// Makes sure that the read models are those of the log.
async fn settle(settings: &Settings, desk: &Desk, log: &dyn EventLog) -> Result<(), BackendError> {
    let origin = desk.origin().await?;
    // The later news of the two: beside other processes both log and read models go on.
    let head = log.head().await?;
    if origin.is_of(log.log_id()) && origin.fits(log.log_id(), head) {
        return Ok(());
    }
    match desk.settle(log.log_id(), head, projections::rebuild::start_over).await? {
        Settled::Fits => {}
        Settled::StartedOver => {
            tracing::warn!("the read models were made from another log; they are made again");
        }
        Settled::InUse => {
            let (views, log) = (settings.store.views.to_string(), settings.store.log.to_string());
            return Err(BackendError::ForeignViews { views, log });
        }
    }
    Ok(())
}

pub(crate) fn safety(settings: &Settings) -> Safety {
    if settings.store.allow_unsafe { Safety::Waived } else { Safety::Required }
}

/// Makes sure that log and vault belong together. With another vault nobody could log in, and with another log the vault's
/// keys would be taken for unused and destroyed.
async fn check_bond(
    settings: &Settings,
    vault: &Vault,
    (log_id, head): (&str, Position),
) -> Result<(), BackendError> {
    let (log, place) = (settings.store.log.to_string(), settings.store.vault.to_string());
    match vault.log_id().await? {
        Some(bound) if bound == log_id => Ok(()),
        Some(bound) => Err(BackendError::ForeignVault { log, vault: place, bound, found: log_id.to_owned() }),
        None if head > Position::BEGINNING => Err(BackendError::VaultLost { log, vault: place }),
        None => Ok(vault.bind(log_id).await?),
    }
}

impl SoleServer {
    /// As [`claim`](Self::claim), with some patience for a command that holds the databases for a moment.
    pub(crate) async fn claim_soon(settings: &Settings) -> Result<Self, BackendError> {
        let mut locks = Vec::new();
        for path in lock_paths(settings) {
            locks.push(FileLock::claim_soon(&path).await?);
        }
        Ok(Self(locks))
    }

    /// Whether there is such a file, so that no other process can serve.
    pub(crate) const fn is_alone(&self) -> bool {
        !self.0.is_empty()
    }

    /// Makes sure that no other process serves the same databases.
    pub(crate) fn claim(settings: &Settings) -> Result<Self, BackendError> {
        let locks =
            lock_paths(settings).iter().map(|path| FileLock::claim(path)).collect::<Result<_, _>>()?;
        Ok(Self(locks))
    }

    /// As [`claim`](Self::claim), where a server ever ran; makes nothing.
    pub(crate) fn claim_if_made(settings: &Settings) -> Result<Option<Self>, BackendError> {
        let made = lock_paths(settings)
            .iter()
            .map(|path| FileLock::claim_if_made(path))
            .collect::<Result<Vec<_>, _>>()?;
        let locks: Vec<_> = made.into_iter().flatten().collect();
        Ok((!locks.is_empty()).then_some(Self(locks)))
    }
}

/// Beside the log and the read models, as far as they are files: settings may name the log of one server and the read models of
/// another. Always in this order, so that of two that start one gets them.
fn lock_paths(settings: &Settings) -> Vec<PathBuf> {
    let files = [settings.store.log.file(), settings.store.views.file()].into_iter().flatten();
    files.map(|path| file_lock::beside(path, ".lock")).collect()
}

impl From<LockError> for BackendError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Taken(path) => Self::Taken(path),
            LockError::Unusable { path, source } => Self::Lock { path, source },
        }
    }
}
