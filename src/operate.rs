//! What an operator asks of an installation from the command line, whether or not a server runs beside it.
//! Gives the same orders as the API, and prints the outcome for people or, with `--json`, for programs.

mod doctor;
mod init;
mod keys;
mod log_tail;
mod users;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use api::command::{Accounts, Failure};
use projections::{Projector, ReadModel, UserRow};
use serde_json::Value;
use store::{Position, StoreError, VaultError, follow::follow};
use tokio::{sync::watch, time::timeout};

pub(crate) use init::init;

use crate::{
    backends::{BackendError, Backends, SoleServer},
    command_line::{Keys, Log, Operation, User},
    orders::{self, OrdersError},
    serve::API,
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
        "it is recorded and durable, but the running server has not heard of it within {} s; ask `stele doctor`",
        PATIENCE.as_secs()
    )]
    Unheard,
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
    /// What is wrong was printed already.
    #[error("something is wrong, see above")]
    Unwell,
    #[error("nobody reads the output any more")]
    Output(#[from] io::Error),
}

impl OperateError {
    /// 2 where the question was unclear, else 1.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::SeveralUsers { .. } => 2,
            _ => 1,
        }
    }
}

/// Does what was asked.
pub(crate) async fn operate(settings: &Settings, operation: Operation) -> Result<(), OperateError> {
    match operation {
        Operation::Doctor(printed) => doctor::doctor(settings, printed).await,
        Operation::Migrate => {
            Backends::open(settings, None).await?;
            say("The databases are at the version of this binary.")
        }
        Operation::User(User::List(printed)) => users::list(settings, printed).await,
        Operation::User(user) => users::one(&Site::open(settings).await?, user).await,
        Operation::Keys(Keys::List(printed)) => keys::list(&Site::open(settings).await?, printed).await,
        Operation::Keys(Keys::Rotate(printed)) => keys::rotate(&Site::open(settings).await?, printed).await,
        Operation::Log(Log::Tail(tail)) => log_tail::tail(&Site::open(settings).await?, tail).await,
    }
}

/// An installation, opened beside its server or without one.
struct Site<'a> {
    settings: &'a Settings,
    backends: Backends,
    accounts: Accounts,
}

impl<'a> Site<'a> {
    async fn open(settings: &'a Settings) -> Result<Self, OperateError> {
        let backends = Backends::open(settings, None).await?;
        let config = orders::config(settings, &settings.links(settings.api.listen));
        let accounts = orders::accounts(settings, &backends, Arc::new(config))?;
        Ok(Self { settings, backends, accounts })
    }

    /// Waits until the server, if one runs, has heard of everything up to `position`: its next answer knows it.
    async fn heard(&self, position: Position) -> Result<(), OperateError> {
        if SoleServer::claim(self.settings).is_ok() {
            return Ok(());
        }
        self.reached(API, position).await.map_err(|error| match error {
            OperateError::Behind => OperateError::Unheard,
            other => other,
        })
    }

    async fn reached(&self, role: &str, position: Position) -> Result<(), OperateError> {
        let reached = async {
            while self.backends.desk.checkpoint(role).await? < position {
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        };
        timeout(PATIENCE, reached).await.unwrap_or(Err(OperateError::Behind))
    }
}

/// An installation whose read model of users shows all that the log holds: the server keeps it or, where none runs, this
/// process does.
async fn with_users(settings: &Settings) -> Result<Site<'_>, OperateError> {
    let Ok(sole) = SoleServer::claim(settings) else {
        let site = Site::open(settings).await?;
        let head = site.backends.journal.log().head().await?;
        site.reached(UserRow::NAME, head).await?;
        return Ok(site);
    };
    let backends = Backends::open(settings, Some(&sole)).await?;
    let (journal, desk) = (backends.journal.clone(), backends.desk.clone());
    let head = journal.log().head().await?;
    let projector = Projector::<UserRow>::new(journal.clone(), desk.pool().clone());
    let (progress, mut place) = watch::channel(Position::BEGINNING);
    let (stop, stopping) = watch::channel(false);
    let following = tokio::spawn(follow(projector, Arc::clone(journal.log()), desk, progress, stopping));
    // It fails only where the follower ended, which is waited for next.
    _ = place.wait_for(|place| *place >= head).await;
    stop.send_replace(true);
    following.await.map_err(io::Error::other)?;
    backends.desk.leave().await?;
    Site::open(settings).await
}

/// One line, or several, to whoever asked.
fn say(text: &str) -> Result<(), OperateError> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

fn say_json(value: &Value) -> Result<(), OperateError> {
    say(&value.to_string())
}
