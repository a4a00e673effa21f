//! Followers read the log in order and keep their place: one leader for each role, by a lease whose epoch fences off a
//! leader that lost it. Knows when to hand out events, not what is done with them.

mod desk;
mod origin;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{Cause, EventLog, Position, Recorded};
pub use desk::{Desk, Lease, Settled, Standing, Tenure};
pub use origin::Origin;

/// How many events are handed out at once.
const BATCH: u32 = 1000;
/// Followers look at the log this often even when nothing woke them.
const POLL: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("the lease of {0} is someone else's now")]
    LeaseLost(String),
    #[error("the database of the read models can't be used")]
    Views(#[from] sqlx::Error),
    #[error("the follower can't go on")]
    Stuck(#[source] Cause),
}

/// One who takes every event in order, and writes down how far he came together with what he did.
#[async_trait]
pub trait Follower: Send {
    fn role(&self) -> &str;

    /// Takes a batch, and advances the lease to its last position together with what it writes. Where a batch concerned nobody
    /// the place may be written later: whoever leads next looks at it again. Called again with the same batch after an error.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError>;

    /// Called about once a second while there is nothing new.
    async fn idle(&mut self, _lease: &Lease) -> Result<(), FollowError> {
        Ok(())
    }
}

/// Runs a follower until `stop` says so, and tells `progress` how far it came. Takes part in the contest for the lease,
/// and after an error tries the same batch again, ever more slowly.
pub async fn follow(
    mut follower: impl Follower,
    log: std::sync::Arc<dyn EventLog>,
    desk: Desk,
    progress: watch::Sender<Position>,
    mut stop: watch::Receiver<bool>,
) {
    let mut retry = FIRST_RETRY;
    let mut grown = log.grown();
    while !*stop.borrow_and_update() {
        let start = *progress.borrow();
        let turn = Turn { log: log.as_ref(), desk: &desk, progress: &progress };
        let pause = match turn.lead(&mut follower, &mut grown, &mut stop).await {
            Ok(()) => POLL.min(desk.tenure().length / 3),
            Err(error) => {
                let role = follower.role();
                tracing::warn!(role, error = crate::chain(&error), "a follower stopped and will go on");
                retry =
                    if *progress.borrow() == start { (retry * 2).min(SLOWEST_RETRY) } else { FIRST_RETRY };
                retry
            }
        };
        if *stop.borrow() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => return,
        }
    }
}

/// One time of leading a role.
struct Turn<'a> {
    log: &'a dyn EventLog,
    desk: &'a Desk,
    progress: &'a watch::Sender<Position>,
}

impl Turn<'_> {
    /// Leads the role for as long as the lease lasts; comes back when it is held by someone else, or when it is time to
    /// stop. A batch that was begun is brought to its end.
    async fn lead(
        &self,
        follower: &mut impl Follower,
        grown: &mut watch::Receiver<Position>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), FollowError> {
        let role = follower.role().to_owned();
        let Some(mut lease) = self.desk.lease(&role).await? else { return Ok(()) };
        let mut renewed = Instant::now();
        let mut place = self.desk.checkpoint(&role).await?;
        self.progress.send_replace(place);
        while !*stop.borrow() {
            if renewed.elapsed() > lease.length() / 3 {
                let Some(again) = self.desk.lease(&role).await? else { return Ok(()) };
                lease = again;
                renewed = Instant::now();
            }
            grown.borrow_and_update();
            let batch = self.log.read_all(place, BATCH).await;
            let batch = batch.map_err(|error| FollowError::Stuck(error.into()))?;
            if let Some(last) = batch.last() {
                follower.take(&batch, &lease).await?;
                place = last.position;
                self.progress.send_replace(place);
                continue;
            }
            let quiet = tokio::select! {
                woken = timeout(POLL.min(lease.length() / 3), woken(grown)) => woken.is_err(),
                _ = stop.changed() => return Ok(()),
            };
            if quiet {
                follower.idle(&lease).await?;
            }
        }
        Ok(())
    }
}

/// Waits for a sign of growth; for ever where the log gives none any more, so that only polling is left.
async fn woken(grown: &mut watch::Receiver<Position>) {
    if grown.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
