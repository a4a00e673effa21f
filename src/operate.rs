//! What an operator asks of an installation from the command line, whether or not a server runs beside it.
//! Gives the same orders as the API, and prints the outcome for people or, with `--json`, for programs.

mod bus;
mod copy;
mod doctor;
mod health;
mod init;
mod keys;
mod log_tail;
mod mails;
mod migrate;
mod park;
mod progress;
mod rebuild;
mod users;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use api::command::{Accounts, Failure};
use projections::{Projector, ReadModel, RebuildError, RetryError, UserRow};
use serde_json::Value;
use store::{Cause, Position, StoreError, VaultError, follow::follow};
use tokio::{sync::watch, time::Instant};
use workers::relay::RelayError;

use copy::CopyFailed;
pub(crate) use init::init;

use crate::{
    backends::{BackendError, Backends, SoleServer},
    command_line::{Keys, Log, Mail, Nats, Operation, Park, User, Vault},
    mails::MailsError,
    master_key,
    orders::{self, OrdersError},
    rebuild_lock::RebuildLockError,
    settings::Settings,
    signing_keys::SigningKeyError,
};

/// How long a running server may take to hear of what was done here.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub(crate) enum OperateError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Orders(#[from] OrdersError),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Keys(#[from] SigningKeyError),
    #[error("the read models can't be read")]
    Views(#[from] sqlx::Error),
    #[error(
        "the read models are behind the log, and the server that keeps them does not go on; ask `stele doctor`"
    )]
    Behind,
    #[error(
        "it is recorded and durable, but not every server has heard of it within {} s ({nodes} has not, and may be dead); \
         ask `stele doctor`",
        PATIENCE.as_secs()
    )]
    Unheard { nodes: String },
    #[error("no user has the username, e-mail address or pk `{0}`")]
    NoUser(String),
    #[error("`{name}` names several users: {pks}; name one by his pk")]
    SeveralUsers { name: String, pks: String },
    #[error("{0}")]
    Refused(String),
    #[error("the password can't be read from standard input")]
    NoPassword(#[source] io::Error),
    #[error("`{0}` is no position of this log")]
    NoPosition(String),
    #[error("{path} is there already; --force overwrites it")]
    Exists { path: String },
    #[error("{path} can't be written")]
    Unwritable {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("no key can be made")]
    Nkey(#[from] nkeys::error::Error),
    /// What is wrong was printed already.
    #[error("something is wrong, see above")]
    Unwell,
    #[error("no process of Stele answers at {address}")]
    NoAnswer {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    #[error(transparent)]
    Retry(#[from] RetryError),
    #[error("`{0}` is not parked; `stele park list` tells what is")]
    NotParked(String),
    #[error(transparent)]
    Mails(#[from] MailsError),
    #[error(
        "no mail has the id `{0}`; `stele mail list` tells those that wait, and with --failed those that were given up"
    )]
    NoMail(String),
    #[error("{place} did not take the mail{said}")]
    NotTaken {
        place: String,
        said: String,
        #[source]
        source: Cause,
    },
    #[error(transparent)]
    RebuildLock(#[from] RebuildLockError),
    /// Which ones was printed already.
    #[error("the live read models are not what the log says; `stele rebuild` mends it")]
    Differs,
    #[error("the live read models are of another log; `stele rebuild` mends it, and so does starting stele")]
    OfAnotherLog,
    #[error(transparent)]
    Copy(#[from] CopyFailed),
    #[cfg(feature = "kurrent")]
    #[error(
        "{log} takes events away, which nothing brings back: {limits}; set the metadata of each stream without its limits, and migrate again"
    )]
    Limited { log: String, limits: String },
    #[cfg(feature = "kurrent")]
    #[error("{log} keeps {user} from appending; an administrator has to name him{steps}")]
    KeptOut { log: String, user: String, steps: String },
    #[error("bus.url names no NATS")]
    NoBus,
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("nobody reads the output any more")]
    Output(#[from] io::Error),
}

impl OperateError {
    /// 2 where the question was unclear, 3 where a comparison found a difference, else 1.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::SeveralUsers { .. } => 2,
            Self::Differs | Self::OfAnotherLog => 3,
            Self::Copy(failed) => failed.exit_code(),
            _ => 1,
        }
    }
}

/// Does what was asked.
pub(crate) async fn operate(settings: &Settings, operation: Operation) -> Result<(), OperateError> {
    match operation {
        Operation::Rebuild(asked) => rebuild::rebuild(settings, &asked).await,
        Operation::Doctor(printed) => doctor::doctor(settings, printed).await,
        Operation::Health(asked) => health::health(settings, &asked).await,
        Operation::Migrate => migrate::migrate(settings).await,
        Operation::User(User::List(printed)) => users::list(settings, printed).await,
        Operation::User(User::Create(new)) => users::create(&Site::open_or_make(settings).await?, new).await,
        Operation::User(User::Show(named)) => users::show(&Site::open(settings).await?, named).await,
        Operation::User(User::Disable(named)) => users::disable(&Site::open(settings).await?, named).await,
        Operation::User(User::Enable(named)) => users::enable(&Site::open(settings).await?, named).await,
        Operation::Keys(Keys::List(printed)) => keys::list(&Site::open(settings).await?, printed).await,
        Operation::Keys(Keys::Rotate(printed)) => keys::rotate(&Site::open(settings).await?, printed).await,
        Operation::Vault(Vault::Copy(asked)) => copy::copy_vault(settings, &asked).await,
        Operation::Log(Log::Copy(asked)) => copy::copy_log(settings, &asked).await,
        Operation::Mail(Mail::Test(asked)) => mails::test(settings, asked).await,
        Operation::Mail(Mail::Preview(asked)) => mails::preview(settings, &asked),
        Operation::Mail(Mail::List(asked)) => mails::list(&Site::open(settings).await?, asked).await,
        Operation::Mail(Mail::Retry(asked)) => mails::retry(&Site::open(settings).await?, asked).await,
        Operation::Park(Park::List(printed)) => park::list(&Site::open(settings).await?, printed).await,
        Operation::Park(Park::Retry(asked)) => park::retry(&Site::open(settings).await?, asked).await,
        Operation::Nats(Nats::Setup(printed)) => bus::setup(settings, printed).await,
        Operation::Nats(Nats::Key(printed)) => bus::key(printed),
        Operation::Relay(asked) => bus::publish(&Site::open(settings).await?, asked).await,
        Operation::Log(Log::Tail(tail)) => log_tail::tail(&Site::open(settings).await?, tail).await,
    }
}

/// An installation, opened beside its server or without one.
struct Site<'a> {
    settings: &'a Settings,
    backends: Backends,
}

impl<'a> Site<'a> {
    /// Opens what is there.
    async fn open(settings: &'a Settings) -> Result<Self, OperateError> {
        is_installed(settings)?;
        Ok(Self { settings, backends: Backends::open(settings, None).await? })
    }

    /// Opens what is there so that its read models are those of its log: the server saw to it or, where none runs, this does,
    /// and keeps one from starting for as long as the lock is held.
    async fn open_settled(settings: &'a Settings) -> Result<(Self, Option<SoleServer>), OperateError> {
        is_installed(settings)?;
        let sole = claim(settings)?;
        let backends = Backends::open(settings, sole.as_ref()).await?;
        Ok((Self { settings, backends }, sole))
    }

    /// Opens what is there, or makes it.
    async fn open_or_make(settings: &'a Settings) -> Result<Self, OperateError> {
        let backends = Backends::open(settings, None).await?;
        if backends.new_master_key {
            say(&master_key::advice(settings))?;
        }
        Ok(Self { settings, backends })
    }

    /// What gives orders about users.
    fn accounts(&self) -> Result<Accounts, OperateError> {
        let config = orders::config(self.settings);
        Ok(orders::accounts(self.settings, &self.backends, Arc::new(config))?)
    }

    /// Waits until every process that judges tokens, if one runs, has heard of everything up to `position`: its next answer
    /// knows it.
    async fn heard(&self, position: Position) -> Result<(), OperateError> {
        if claim(self.settings)?.is_some_and(|sole| sole.is_alone()) {
            return Ok(());
        }
        let start = Instant::now();
        loop {
            let mut deaf = self.backends.desk.listeners().await?;
            deaf.retain(|listener| listener.position < position);
            if deaf.is_empty() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                let nodes: Vec<String> = deaf.into_iter().map(|listener| listener.node).collect();
                return Err(OperateError::Unheard { nodes: nodes.join(", ") });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the read model of users shows all that the log holds; whoever keeps it must go on.
    async fn reached_by_users(&self) -> Result<(), OperateError> {
        let (desk, head) = (&self.backends.desk, self.backends.journal.log().head().await?);
        let (mut place, mut moved) = (Position::BEGINNING, Instant::now());
        while moved.elapsed() < PATIENCE {
            let now = desk.checkpoint(UserRow::NAME).await?;
            if now >= head {
                return Ok(());
            }
            if now != place {
                (place, moved) = (now, Instant::now());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(OperateError::Behind)
    }

    /// Keeps the read model of users itself until it shows all that the log holds, unless a server does.
    async fn project_users(&self) -> Result<(), OperateError> {
        let (journal, desk) = (&self.backends.journal, &self.backends.desk);
        let projector = Projector::<UserRow>::new(journal.clone(), desk.views().clone());
        let (stop, stopping) = watch::channel(false);
        let (log, progress) = (Arc::clone(journal.log()), watch::Sender::new(Position::BEGINNING));
        let following = tokio::spawn(follow(projector, log, desk.clone(), progress, stopping));
        let reached = self.reached_by_users().await;
        stop.send_replace(true);
        following.await.map_err(io::Error::other)?;
        desk.leave().await?;
        reached
    }
}

/// Asks for the file that must be there wherever a server ever ran.
fn is_installed(settings: &Settings) -> Result<(), BackendError> {
    let store = &settings.store;
    match store.log.file().or(store.vault.file()).or(store.views.file()) {
        Some(file) if !file.exists() => Err(BackendError::NotInstalled(file.to_owned())),
        _ => Ok(()),
    }
}

/// The lock of the server; none while one runs that lets no other beside it.
fn claim(settings: &Settings) -> Result<Option<SoleServer>, BackendError> {
    match SoleServer::claim(settings) {
        Ok(sole) => Ok(Some(sole)),
        Err(BackendError::Taken(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An installation whose read model of users shows all that the log holds: the server keeps it or, where none runs, this
/// process does.
async fn with_users(settings: &Settings) -> Result<Site<'_>, OperateError> {
    let (site, sole) = Site::open_settled(settings).await?;
    if sole.is_some() {
        site.project_users().await?;
    } else {
        site.reached_by_users().await?;
    }
    Ok(site)
}

/// One line, or several, to whoever asked.
fn say(text: &str) -> Result<(), OperateError> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

fn say_json(value: &Value) -> Result<(), OperateError> {
    say(&value.to_string())
}
