//! Destroys data keys that nothing in the log uses: of a hash that was replaced, or of an append that never happened.
//! Touches only keys so old that no command can still be about to use them.

use std::time::Duration;

use domain::{KeyId, Session, SessionId, Time, User, UserId};
use store::{Journal, StoreError, StreamId, VaultError, clock, vault::Destroyed};

/// How old a key must be before its absence from the log means anything.
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

pub struct Collector {
    journal: Journal,
}

impl Collector {
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// Goes through the keys that are old enough, and answers how many it destroyed: every hash's key that its user does
    /// not name, and those keys of users and sessions whose stream was never begun.
    pub async fn collect(&self) -> Result<u32, CollectError> {
        let mut destroyed = 0;
        for (prefix, from) in
            [("password-", Time(0)), ("session-", before(AGE + SPAN)), ("user-", before(AGE + SPAN))]
        {
            let mut last = KeyId(String::new());
            loop {
                let keys = self.journal.vault().aged_keys(prefix, from..before(AGE), &last).await?;
                let Some(end) = keys.last().cloned() else { break };
                for key in &keys {
                    if !self.is_used(key).await? {
                        self.journal.vault().destroy(key, Destroyed::Superseded).await?;
                        destroyed += 1;
                    }
                }
                last = end;
            }
        }
        Ok(destroyed)
    }

    /// Keys that say nothing this version understands are left alone.
    async fn is_used(&self, key: &KeyId) -> Result<bool, StoreError> {
        let mut parts = key.0.splitn(3, '-');
        let (kind, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match kind {
            "password" => Ok(match id.parse() {
                Ok(user) => {
                    self.user(user).await?.account().is_some_and(|account| account.password.key == *key)
                }
                Err(_) => true,
            }),
            "user" => Ok(match id.parse() {
                Ok(user) => self.user(user).await?.account().is_some(),
                Err(_) => true,
            }),
            "session" => Ok(match id.parse::<SessionId>() {
                Ok(session) => {
                    let loaded = self.journal.load::<Session>(&StreamId::session(session)).await?;
                    loaded.version > 0
                }
                Err(_) => true,
            }),
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
