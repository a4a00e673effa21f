//! Destroys data keys that nothing in the log uses: of a hash that was replaced, or of an append that never happened.
//! Touches only keys so old that no command can still be about to use them.

#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::{KeyId, Session, SessionId, Time, User, UserId};
use store::{Journal, StoreError, StreamId, VaultError, chain, clock, vault::Destroyed};

/// Far longer than any command takes between making a key and recording what it seals.
const AGE: Duration = Duration::from_hours(1);
/// For how long after that it is looked at, where its first use decides for ever.
const SPAN: Duration = Duration::from_hours(24);

#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// How far back hashes' keys are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them: each user is folded.
    All,
    /// Those that came of age within the last day.
    Recent,
}

pub struct Collector {
    journal: Journal,
    /// How old a key must be before its absence from the log means anything.
    age: Duration,
}

impl Collector {
    pub const fn new(journal: Journal) -> Self {
        Self { journal, age: AGE }
    }

    /// Goes through the keys that are old enough, and answers how many it destroyed: hashes' keys that their users do not
    /// name, and those keys of users and sessions whose stream was never begun. What `Reach` leaves out was looked at
    /// before, unless a process died in the wrong moment.
    pub async fn collect(&self, reach: Reach) -> Result<u32, CollectError> {
        let recent = before(self.age + SPAN);
        let hashes = if reach == Reach::All { Time(0) } else { recent };
        let mut destroyed = 0;
        for (prefix, from) in [("password-", hashes), ("session-", recent), ("user-", recent)] {
            let mut last = KeyId(String::new());
            loop {
                let keys = self.journal.vault().aged_keys(prefix, from..before(self.age), &last).await?;
                let Some(end) = keys.last().cloned() else { break };
                for key in &keys {
                    destroyed += u32::from(self.destroy_if_unused(key).await?);
                }
                last = end;
            }
        }
        Ok(destroyed)
    }

    async fn destroy_if_unused(&self, key: &KeyId) -> Result<bool, CollectError> {
        match self.is_used(key).await {
            Ok(true) => Ok(false),
            Ok(false) => {
                self.journal.vault().destroy(key, Destroyed::Superseded).await?;
                Ok(true)
            }
            Err(error) if error.is_of_all() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%key, error = chain(&error), "whether a key is used can't be read; it is kept");
                Ok(false)
            }
        }
    }

    /// Keys that say nothing this version understands are left alone.
    async fn is_used(&self, key: &KeyId) -> Result<bool, StoreError> {
        let mut parts = key.0.splitn(3, '-');
        let (kind, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (kind, id.parse::<UserId>(), id.parse::<SessionId>()) {
            ("password", Ok(user), _) => Ok(self.user(user).await?.account().is_some_and(|account| {
                account.password.as_ref().is_some_and(|password| password.key == *key)
            })),
            ("user", Ok(user), _) => Ok(self.user(user).await?.account().is_some()),
            ("session", _, Ok(session)) => {
                let loaded = self.journal.load::<Session>(&StreamId::session(session)).await?;
                Ok(loaded.version > 0)
            }
            _ => Ok(true),
        }
    }

    async fn user(&self, user: UserId) -> Result<User, StoreError> {
        Ok(self.journal.load::<User>(&StreamId::user(user)).await?.state)
    }
}

fn before(age: Duration) -> Time {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Time(clock::now().0.saturating_sub(age))
}
