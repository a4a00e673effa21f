//! What may be asked of Stele, one file for each kind of order: loads the aggregates, gathers what their rules need to
//! know, decides and appends. Knows no HTTP; the command line gives the same orders.

mod email;
#[cfg(test)]
mod house;
mod login;
mod mails;
mod names;
mod password;
mod profile;
mod register;
mod session;
mod social;
mod standing;

use std::{num::NonZeroUsize, sync::Arc};

use domain::{
    KeyId, Private, Session, User, UserId,
    user::{Account, PasswordHash},
};
use store::{
    ExecuteError, Folded, Journal, Loaded, Seals, StoreError, StreamId, clock, node_keys::MacKeys, random,
    vault::Destroyed,
};

use crate::{
    config::{Config, PkMode},
    password::{Busy, HashPool, PoolError, Seat, Secret},
};

pub use email::EmailError;
pub use login::{Authenticated, Credentials, LoginError};
pub use names::Held;
pub use password::{ChangeError, ResetError};
pub use profile::{ProfileError, ProfileUpdate};
pub use register::{NewUser, RegisterError, Registered};
pub use session::{Opened, Presented, RefreshError, Refreshed};
pub use social::{ConnectError, Person, SocialError, SocialLogin, UnlinkError};

/// How often an order that takes several streams is decided again when someone else wrote first.
const ATTEMPTS: u32 = 5;

/// How many users and sessions are remembered as they were folded.
const FOLDED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Everything that orders need. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub journal: Journal,
    pub macs: Arc<MacKeys>,
    hashes: HashPool,
    pub config: Arc<Config>,
    users: Arc<Folded<User>>,
    standings: Arc<Folded<User>>,
    sessions: Arc<Folded<Session>>,
}

/// Why an order could not be carried out although nothing is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("too many passwords are being hashed")]
    Busy(#[from] Busy),
    #[error("a stored password hash can't be used")]
    Hash(#[source] PoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy(busy) => Self::Busy(busy),
            failed @ PoolError::Failed(_) => Self::Hash(failed),
        }
    }
}

/// An error of an order that takes several streams.
trait OrderError {
    /// Whether someone else wrote first.
    fn is_conflict(&self) -> bool;
}

macro_rules! order_errors {
    ($($error:ty),*) => {$(
        impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Failed(error.into())
            }
        }

        impl OrderError for $error {
            fn is_conflict(&self) -> bool {
                matches!(self, Self::Failed(Failure::Store(StoreError::Conflict { .. })))
            }
        }
    )*};
}

order_errors!(ChangeError, EmailError, LoginError, ProfileError, RefreshError, RegisterError, ResetError);
order_errors!(ConnectError, SocialError, UnlinkError);

impl<E: std::error::Error> OrderError for ExecuteError<E> {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(StoreError::Conflict { .. }))
    }
}

/// Decides again, from the start, when someone else wrote first.
async fn insist<T, E: OrderError, F: Future<Output = Result<T, E>>>(
    mut order: impl FnMut() -> F,
) -> Result<T, E> {
    for _ in 1..ATTEMPTS {
        match order().await {
            Err(error) if error.is_conflict() => {}
            outcome => return outcome,
        }
    }
    order().await
}

impl Accounts {
    pub fn new(journal: Journal, macs: Arc<MacKeys>, hashes: HashPool, config: Arc<Config>) -> Self {
        let users = Arc::new(Folded::new(FOLDED, Seals::Opened));
        let standings = Arc::new(Folded::new(FOLDED, Seals::Kept));
        // No rule asks from where someone logged in.
        let sessions = Arc::new(Folded::new(FOLDED, Seals::Kept));
        Self { journal, macs, hashes, config, users, standings, sessions }
    }

    /// A user, as his stream tells of him.
    pub(crate) async fn user(&self, user: UserId) -> Result<Loaded<User>, StoreError> {
        self.users.load(&self.journal, &StreamId::user(user)).await
    }

    /// The same for those who ask only whether he may come in: no key is fetched for it, and what is private is not there.
    async fn standing(&self, user: UserId) -> Result<Loaded<User>, StoreError> {
        self.standings.load(&self.journal, &StreamId::user(user)).await
    }

    /// A user's account, if he has one.
    pub async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.user(user).await?.state.account().cloned())
    }

    /// Takes a seat for an order that has a password hashed. `party` is whoever shares his seats with the caller.
    pub fn enter(&self, party: &str) -> Result<Seat, Busy> {
        self.hashes.enter(party)
    }

    /// A hash of a new password.
    async fn hash(&self, seat: &Seat, password: &Secret) -> Result<PasswordHash, Failure> {
        Ok(PasswordHash(self.hashes.hash(seat.clone(), password.clone(), random::bytes()).await?))
    }

    /// Destroys the key of a password hash that another has replaced. If it can't be done now, the collector will.
    async fn shred(&self, replaced: &Private<PasswordHash>) {
        if let Err(error) = self.journal.vault().destroy(&replaced.key, Destroyed::Superseded).await {
            tracing::warn!(error = store::chain(&error), "a replaced password hash waits for the collector");
        }
    }

    async fn new_pk(&self) -> Result<UserId, StoreError> {
        if self.config.pk == PkMode::Sequence
            && let Some(next) = self.journal.log().next_in_sequence("user").await?
        {
            return Ok(UserId(next));
        }
        Ok(time_ordered_pk(clock::now().0.div_euclid(1000), random::number()))
    }
}

/// 41 bits of milliseconds since 2026 and 12 random ones: 53 in all, exact in every JSON reader until 2095.
fn time_ordered_pk(unix_millis: i64, random: u64) -> UserId {
    const START_OF_2026: i64 = 1_767_225_600_000;
    let millis = (unix_millis - START_OF_2026).clamp(1, (1 << 41) - 1);
    UserId(millis << 12 | i64::from(u16::try_from(random & 0xfff).unwrap_or(0)))
}

/// A rule that refused what it can't refuse: a bug.
fn contradiction(stream: &StreamId, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unwritable { stream: stream.clone(), source: error.into() }
}

/// A user's password hash, under a data key of its own.
fn sealed(user: UserId, hash: &PasswordHash) -> Private<PasswordHash> {
    Private::new(KeyId::of_password(user, random::id()), hash.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pks_fit_into_53_bits_and_grow_with_time() {
        assert!(time_ordered_pk(i64::MAX / 2, u64::MAX).0 < 1 << 53);
        assert!(time_ordered_pk(0, 0).0 > 0);
        assert!(time_ordered_pk(1_800_000_000_001, 0) > time_ordered_pk(1_800_000_000_000, u64::MAX));
    }
}
