//! The revocation worker: picks out of the log what ends sessions, and tells whoever must refuse their tokens.
//! Reads types and streams alone, so that nothing sealed can keep it from hearing; does not know how it is told further.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use domain::{SessionId, Time, UserId};
use store::{Recorded, StoreError};

use crate::{Consumer, TryAgain};

/// Something that makes living tokens worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    Session {
        session: SessionId,
        at: Time,
    },
    /// The user's epoch rose, or he may come in again; who is admitted is for his stream to say.
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
    listener: R,
}

impl<R: Revoked> Revoker<R> {
    pub const fn new(listener: R) -> Self {
        Self { listener }
    }
}

#[async_trait]
impl<R: Revoked> Consumer for Revoker<R> {
    fn concerns(&self, event: &Recorded) -> bool {
        revocation_in(event).is_some()
    }

    async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        match revocation_in(event) {
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

/// By the type in any of its versions: a newer one revokes no less.
fn revocation_in(recorded: &Recorded) -> Option<Revocation> {
    let (name, _version) = recorded.event.kind.rsplit_once(".v")?;
    let (key, at) = (recorded.stream.key(), recorded.recorded_at);
    match name {
        "session.revoked" => Some(Revocation::Session { session: key.parse().ok()?, at }),
        "user.password-changed" | "user.password-reset" | "user.disabled" | "user.enabled" => {
            Some(Revocation::Epoch { user: key.parse().ok()?, at })
        }
        _ => None,
    }
}
