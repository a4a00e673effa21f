//! Checks a name and a password. An unknown name costs what a wrong password costs, and gets the same answer.

use domain::{
    Aggregate, LoginRecord, Private, User, UserId,
    login::Command,
    name::{NameKind, kind_of_typed},
    user::{self, Account},
};
use store::{Change, Context, StoreError, StreamId, chain, clock};

use super::{Accounts, Failure, names::Held, sealed};
use crate::{
    attempts::Attempts,
    password::{Seat, Secret, Verdict},
};

/// How a person says who he is.
#[derive(Debug, Clone)]
pub enum Credentials {
    Username(String),
    Email(String),
    /// One field that takes either.
    Either(String),
}

/// A user whose password was right in `account.epoch`.
pub struct Authenticated {
    pub user: UserId,
    pub account: Account,
}

#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("unknown name or wrong password")]
    Refused,
    #[error("the user is disabled")]
    Disabled,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Checks the password of whoever the name belongs to; `None` where it is nobody's.
    pub async fn authenticate(
        &self,
        context: &Context,
        attempts: &Attempts,
        held: Option<&Held>,
        (seat, password): (&Seat, &Secret),
    ) -> Result<Authenticated, LoginError> {
        let account = held.and_then(|held| held.loaded.state.account());
        let hash = account.and_then(encoded);
        let verdict = self.hashes.verify(seat.clone(), password.clone(), hash).await;
        let verdict = verdict.map_err(Failure::from)?;
        let (Some(held), Some(account)) = (held, account) else {
            self.record_failure(context, attempts, None).await;
            return Err(LoginError::Refused);
        };
        match verdict {
            Verdict::Wrong => {
                self.record_failure(context, attempts, Some(held.user)).await;
                Err(LoginError::Refused)
            }
            Verdict::Right | Verdict::RightButOutdated if !account.active => Err(LoginError::Disabled),
            Verdict::Right => Ok(Authenticated { user: held.user, account: account.clone() }),
            Verdict::RightButOutdated => {
                self.rehash(context, (held.user, account), (seat, password)).await;
                Ok(Authenticated { user: held.user, account: account.clone() })
            }
        }
    }

    /// Whether this is the password of an account, as where an old one must be given for a new one.
    pub async fn is_password_of(
        &self,
        account: &Account,
        (seat, password): (&Seat, &Secret),
    ) -> Result<bool, Failure> {
        Ok(self.hashes.verify(seat.clone(), password.clone(), encoded(account)).await? != Verdict::Wrong)
    }

    /// Whose name this is, if anyone's.
    pub async fn find(&self, credentials: &Credentials) -> Result<Option<Held>, StoreError> {
        match credentials {
            Credentials::Username(name) => self.holder(NameKind::Username, name).await,
            Credentials::Email(email) => self.holder_of_email(email).await,
            Credentials::Either(text) if kind_of_typed(text) == NameKind::Email => {
                match self.holder_of_email(text).await? {
                    Some(held) => Ok(Some(held)),
                    None => self.holder(NameKind::Username, text).await,
                }
            }
            Credentials::Either(text) => self.holder(NameKind::Username, text).await,
        }
    }

    /// Whose address this is; one that he has asked for and not yet verified does not let him in.
    pub async fn holder_of_email(&self, email: &str) -> Result<Option<Held>, StoreError> {
        let held = self.holder(NameKind::Email, email).await?;
        Ok(held.filter(|held| held.loaded.state.account().is_some_and(|account| account.has_email(email))))
    }

    /// Failures are worth recording, and never worth failing over. Whether a user is known can't be told from the time it
    /// takes: for one who is not, or of whom enough was recorded, as much is done and nothing written.
    async fn record_failure(&self, context: &Context, attempts: &Attempts, user: Option<UserId>) {
        let (at, whose) = (clock::now(), user.unwrap_or(UserId::NOBODY));
        let recorded = async {
            let counted = attempts.tally(&["failed login", &whose.to_string()], at).await;
            let count = counted.map_err(|error| StoreError::Unavailable(error.into()))?;
            let stream = StreamId::login(whose);
            let loaded = self.journal.load::<LoginRecord>(&stream).await?;
            let events = match (user, loaded.state.decide(Command::RecordFailure { at, count })) {
                (Some(_), Ok(events)) if !events.is_empty() => events,
                (Some(_) | None, Ok(_)) => return self.journal.append_nothing().await,
            };
            let change = Change::of::<LoginRecord>(stream, loaded.version, &events)?;
            self.journal.append(context, vec![change]).await.map(drop)
        };
        match recorded.await {
            // Another failure of the same moment was recorded.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(error = chain(&error), "a failed login was not recorded"),
        }
    }

    /// Puts a hash with today's parameters in the place of an older one; if it fails, the next login tries again.
    async fn rehash(
        &self,
        context: &Context,
        (user, account): (UserId, &Account),
        (seat, password): (&Seat, &Secret),
    ) {
        let Some(outdated) = &account.password else { return };
        let Ok(fresh) = self.hash(seat, password).await else { return };
        let command = user::Command::RehashPassword {
            replaces: outdated.key.clone(),
            password: sealed(user, &fresh),
            at: clock::now(),
        };
        match self.journal.execute::<User>(context, &StreamId::user(user), command).await {
            Ok(executed) if executed.recorded => self.shred(outdated).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = chain(&error), "an old password hash stays for now");
            }
        }
    }
}

/// The hash of an account's password, if it has one and it can be read.
fn encoded(account: &Account) -> Option<String> {
    account.password.as_ref().and_then(Private::get).map(|hash| hash.0.clone())
}
