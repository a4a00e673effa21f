//! What every handler shares: the orders, the read models, and what is known of tokens. Put together by the binary.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{SessionId, Time, UserId};
use projections::{ReadModel, SessionRow, UserReader, UserRow, users};
use store::{
    Journal, Position, StoreError, chain,
    follow::{Desk, Reached},
    views::Views,
};
use workers::{Revocation, Revoked};

use crate::{
    answer::Answer,
    attempts::Attempts,
    command::Accounts,
    config::Config,
    revocation::Revocations,
    social::{Providers, flow::FlowRules},
    token::{jwt::Jwt, verified::VerifiedTokens},
};

mod health;
mod key_mode;
mod outlived;

pub use health::{BusUser, Followed, Hearing, Part, Parts, Waiting, Written};
pub(crate) use key_mode::{KeySession, KeySessions};
pub use outlived::Outlived;

/// How long a query waits for what it was asked to know.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many verified access tokens are remembered.
const REMEMBERED_TOKENS: usize = 100_000;

/// The application. Cheap to clone.
pub type App = Arc<Application>;

pub struct Application {
    pub config: Arc<Config>,
    pub accounts: Accounts,
    pub views: Views,
    pub(crate) users: UserReader,
    pub attempts: Attempts,
    pub revocations: Arc<Revocations>,
    pub providers: Providers,
    /// None where no front end takes over who logged in elsewhere.
    pub(crate) flow: Option<FlowRules>,
    pub(crate) verified: VerifiedTokens,
    pub(crate) key_sessions: KeySessions,
    jwt: RwLock<Arc<Jwt>>,
    sessions: Reached,
}

/// What the binary has made ready.
pub struct Ready {
    pub accounts: Accounts,
    pub desk: Desk,
    pub revocations: Arc<Revocations>,
    pub jwt: Jwt,
    pub providers: Providers,
    pub flow: Option<FlowRules>,
    /// How far the read model of sessions has come.
    pub sessions: Reached,
}

impl Application {
    pub fn new(ready: Ready) -> App {
        let Ready { accounts, desk, revocations, jwt, providers, flow, sessions } = ready;
        let config = Arc::clone(&accounts.config);
        let views = desk.views().clone();
        Arc::new(Self {
            attempts: Attempts::new(views.clone(), Arc::clone(&accounts.macs), config.limits.enabled),
            users: UserReader::new(accounts.journal.clone(), views.clone()),
            config,
            accounts,
            views,
            revocations,
            providers,
            flow,
            verified: VerifiedTokens::new(REMEMBERED_TOKENS),
            key_sessions: KeySessions::default(),
            jwt: RwLock::new(Arc::new(jwt)),
            sessions,
        })
    }

    pub fn journal(&self) -> &Journal {
        &self.accounts.journal
    }

    /// The keys of now.
    pub fn jwt(&self) -> Arc<Jwt> {
        Arc::clone(&self.jwt.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts newer keys in their place.
    pub fn replace_jwt(&self, jwt: Jwt) {
        *self.jwt.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(jwt);
    }

    /// A user as of now.
    pub(crate) async fn user(&self, pk: UserId) -> Result<Option<UserRow>, StoreError> {
        self.users.current(pk).await
    }

    /// Refuses the tokens of a session from now on, without waiting for the log to tell of it.
    pub(crate) fn refuse_session(&self, session: SessionId, at: Time) {
        self.revocations.revoke(session, at);
        self.key_sessions.forget(session);
    }

    /// Refuses what a user's risen epoch ended, without waiting for the log to tell of it.
    pub(crate) async fn refuse_older(&self, user: UserId, at: Time) -> Result<(), StoreError> {
        if let Some(row) = self.user(user).await? {
            self.revocations.raise(&row, at);
        }
        Ok(())
    }

    /// Waits, for a while, until the log holds a position.
    pub(crate) async fn wait_for_log(&self, position: Position) -> Result<(), Answer> {
        let log = self.journal().log();
        let mut grown = log.grown();
        let reached = async {
            while log.head().await? < position {
                if grown.changed().await.is_err() {
                    return Err(Answer::unavailable(Duration::from_secs(1)));
                }
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Answer::unavailable(Duration::from_secs(1))),
        }
    }

    /// Waits, for a while, until the list of sessions shows all that the log holds now.
    pub(crate) async fn wait_for_sessions(&self) -> Result<(), Answer> {
        let head = self.journal().log().head().await?;
        match tokio::time::timeout(PATIENCE, self.sessions.wait_for(head)).await {
            Ok(reached) => Ok(reached.map_err(StoreError::Unavailable)?),
            Err(_) => Err(Answer::unavailable(Duration::from_secs(1))),
        }
    }

    /// The place in the log up to which all revocations that can matter are in the read models; loads them. What the log
    /// holds after it must be followed.
    pub async fn load_revocations(
        revocations: &Revocations,
        desk: &Desk,
        now: Time,
    ) -> Result<Position, sqlx::Error> {
        let memory = i64::try_from(revocations.memory().as_micros()).unwrap_or(i64::MAX);
        let since = Time(now.0.saturating_sub(memory));
        let place = desk.checkpoint(UserRow::NAME).await?.min(desk.checkpoint(SessionRow::NAME).await?);
        for user in users::raised_since(desk.views(), since).await? {
            revocations.raise(&user, user.epoch_raised_at.unwrap_or(now));
        }
        for session in projections::sessions::revoked_since(desk.views(), since).await? {
            revocations.revoke(session, now);
        }
        Ok(place)
    }
}

/// What hears of revocations on behalf of this node.
pub struct Listener {
    pub revocations: Arc<Revocations>,
    pub users: UserReader,
}

#[async_trait]
impl Revoked for Listener {
    async fn revoked(&self, revocation: Revocation) -> Result<(), StoreError> {
        match revocation {
            Revocation::Session { session, at } => self.revocations.revoke(session, at),
            Revocation::Epoch { user, at } => {
                match self.users.current(user).await {
                    Ok(Some(row)) => self.revocations.raise(&row, at),
                    Ok(None) => {}
                    Err(error) if error.is_of_all() => return Err(error),
                    // Who is still admitted can't be read: then nobody is.
                    Err(error) => {
                        tracing::error!(%user, error = chain(&error), "a user's stream can't be read; he is refused");
                        self.revocations.refuse(user, at);
                    }
                }
            }
        }
        Ok(())
    }

    fn hear(&self, up_to: Instant) {
        self.revocations.hear(up_to);
    }
}
