//! The revocation worker: picks out of the log what ends sessions, and tells whoever must refuse their tokens.
//! Does not know how it is told further.

use async_trait::async_trait;
use domain::{Session, SessionId, Time, User, UserId, session, user};
use store::{Journal, Recorded, StoreError};

use crate::{Consumer, TryAgain};

/// Something that makes living tokens worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    Session {
        session: SessionId,
        at: Time,
    },
    /// The user's epoch rose; who is still admitted is for his stream to say.
    Epoch {
        user: UserId,
        at: Time,
    },
}

/// One who refuses tokens.
#[async_trait]
pub trait Revoked: Send + Sync {
    async fn revoked(&self, revocation: Revocation) -> Result<(), StoreError>;

    /// Nothing was missed up to now.
    fn hear(&self);
}

pub struct Revoker<R> {
    journal: Journal,
    listener: R,
}

impl<R: Revoked> Revoker<R> {
    pub const fn new(journal: Journal, listener: R) -> Self {
        Self { journal, listener }
    }

    async fn revocation_in(&self, recorded: &Recorded) -> Result<Option<Revocation>, StoreError> {
        Ok(match recorded.stream.kind() {
            "session" => session_revocation(recorded, &self.journal.decode::<Session>(recorded).await?),
            "user" => epoch_rise(recorded, &self.journal.decode::<User>(recorded).await?),
            _ => None,
        })
    }
}

#[async_trait]
impl<R: Revoked> Consumer for Revoker<R> {
    /// An event that can't be read is the projections' alarm to raise; here it must not deafen the node to all later ones.
    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        let revocation = match self.revocation_in(event).await {
            Ok(revocation) => revocation,
            Err(error @ StoreError::Unavailable(_)) => return Err(TryAgain(error.into())),
            Err(error) => {
                tracing::error!(
                    error = store::log::chain(&error),
                    "an event that may revoke something can't be read"
                );
                None
            }
        };
        match revocation {
            Some(revocation) => {
                self.listener.revoked(revocation).await.map_err(|error| TryAgain(error.into()))
            }
            None => Ok(()),
        }
    }

    fn hear(&self) {
        self.listener.hear();
    }
}

fn session_revocation(recorded: &Recorded, event: &session::Event) -> Option<Revocation> {
    let session = recorded.stream.key().parse().ok()?;
    match event {
        session::Event::SessionRevoked { at, .. } => Some(Revocation::Session { session, at: *at }),
        session::Event::SessionStarted(_) | session::Event::SessionRefreshed { .. } => None,
    }
}

fn epoch_rise(recorded: &Recorded, event: &user::Event) -> Option<Revocation> {
    use user::Event as E;

    let user = recorded.stream.key().parse().ok()?;
    match event {
        E::PasswordChanged { at, .. }
        | E::PasswordReset { at, .. }
        | E::UserDisabled { at }
        | E::UserEnabled { at } => Some(Revocation::Epoch { user, at: *at }),
        E::UserRegistered(_)
        | E::RegistrationAbandoned { .. }
        | E::ClaimAbandoned { .. }
        | E::EmailVerified { .. }
        | E::EmailChangeRequested { .. }
        | E::EmailChanged { .. }
        | E::PasswordRehashed { .. }
        | E::ProfileUpdated { .. } => None,
    }
}
