//! The revocation worker: picks out of the log what ends sessions, and tells whoever must refuse their tokens.
//! Reads types and streams alone, so that nothing sealed can keep it from hearing; does not know how it is told further.

mod announcer;
mod hearing;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{SessionId, Time, UserId};
use store::{EventLog, Position, Recorded, StoreError, chain, follow::woken};
use tokio::{sync::watch, time::sleep};

pub use announcer::{Announcer, Lifetimes, Login, Logins};
pub use hearing::Hearsay;

/// How many events are read at once.
const BATCH: u32 = 1000;
/// The log is looked at this often even when nothing said that it grew.
const POLL: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);

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

    /// Nothing was missed up to that moment.
    fn hear(&self, up_to: Instant);
}

/// Follows the log on behalf of one who refuses tokens. Each of them needs to hear of everything, so that there is no lease, and
/// a place in memory is enough: a new one begins where the read models stand.
pub struct Revoker<R> {
    listener: R,
}

impl<R: Revoked> Revoker<R> {
    pub const fn new(listener: R) -> Self {
        Self { listener }
    }

    /// Goes on from `place` until `stop` says so, and tells there how far it came.
    pub async fn follow(
        self,
        log: Arc<dyn EventLog>,
        place: watch::Sender<Position>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut retry = FIRST_RETRY;
        let mut grown = log.grown();
        while !*stop.borrow_and_update() {
            grown.borrow_and_update();
            let caught_up = tokio::select! {
                caught_up = self.catch_up(log.as_ref(), &place) => caught_up,
                _ = stop.changed() => return,
            };
            let wake = async {
                if let Err(error) = caught_up {
                    tracing::warn!(error = chain(&error), "revocations are not heard of and will be later");
                    retry = (retry * 2).min(POLL);
                    sleep(retry).await;
                } else {
                    retry = FIRST_RETRY;
                    tokio::select! { () = woken(&mut grown) => {}, () = sleep(POLL) => {} }
                }
            };
            tokio::select! { () = wake => {}, _ = stop.changed() => return }
        }
    }

    /// Reads on until a batch is not full. What came in after a question was asked may be in no answer to it, so that only then,
    /// and up to that moment, nothing was missed: the process may have been stopped in between, for long. To wait for an answer
    /// without events would be to wait until nobody writes.
    async fn catch_up(&self, log: &dyn EventLog, place: &watch::Sender<Position>) -> Result<(), StoreError> {
        loop {
            let (asked, from) = (Instant::now(), *place.borrow());
            let batch = log.read_all(from, BATCH).await?;
            self.take(&batch).await?;
            if let Some(last) = batch.last() {
                place.send_replace(last.position);
            }
            if batch.len() < BATCH as usize {
                self.listener.hear(asked);
                return Ok(());
            }
        }
    }

    /// One that must be told again does not hold up the others of its batch.
    async fn take(&self, batch: &[Recorded]) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for revocation in batch.iter().filter_map(revocation_in) {
            outcome = self.listener.revoked(revocation).await.and(outcome);
        }
        outcome
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
