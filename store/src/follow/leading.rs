//! The contest for a role, and the work of whoever leads it: batch after batch, while his lease is renewed beside it.
//! Knows nothing of what is done with events.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Batches, Desk, FollowError, Follower, Lease};
use crate::{EventLog, Position, chain};

/// Followers look at the log this often even when nothing woke them.
const POLL: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// Runs a follower until `stop` says so, and tells `progress` how far it came. Takes part in the contest for the lease,
/// and after an error tries the same batch again, ever more slowly.
pub async fn follow(
    mut follower: impl Follower,
    log: Arc<dyn EventLog>,
    desk: Desk,
    progress: watch::Sender<Position>,
    mut stop: watch::Receiver<bool>,
) {
    let mut retry = FIRST_RETRY;
    let mut grown = log.grown();
    let mut epoch = None;
    while !*stop.borrow_and_update() {
        let start = *progress.borrow();
        let turn = Turn { log: &log, desk: &desk, progress: &progress };
        let pause = match turn.lead(&mut follower, &mut epoch, &mut grown, &mut stop).await {
            Ok(()) => POLL.min(desk.tenure().length / 10),
            Err(error) => {
                let role = follower.role();
                tracing::warn!(role, error = chain(&error), "a follower stopped and will go on");
                retry =
                    if *progress.borrow() == start { (retry * 2).min(SLOWEST_RETRY) } else { FIRST_RETRY };
                retry
            }
        };
        if *stop.borrow() {
            return;
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => return,
        }
    }
}

/// One time of leading a role.
struct Turn<'a> {
    log: &'a Arc<dyn EventLog>,
    desk: &'a Desk,
    progress: &'a watch::Sender<Position>,
}

impl Turn<'_> {
    /// Leads the role for as long as the lease lasts; comes back when it is held by someone else, or when it is time to
    /// stop. A batch that was begun is brought to its end. `epoch`: under which it was led here the last time.
    async fn lead(
        &self,
        follower: &mut impl Follower,
        epoch: &mut Option<i64>,
        grown: &mut watch::Receiver<Position>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), FollowError> {
        if self.desk.is_led_elsewhere(follower.role()).await? {
            return Ok(());
        }
        let Some(lease) = self.desk.lease(follower.role()).await? else { return Ok(()) };
        if epoch.replace(lease.epoch) != Some(lease.epoch) {
            follower.start_over();
        }
        let worked = tokio::select! {
            worked = self.work(follower, &lease, grown, stop) => worked,
            never = renew(self.desk, &lease) => match never {},
        };
        if !lease.is_held() {
            follower.start_over();
            *epoch = None;
        }
        worked
    }

    async fn work(
        &self,
        follower: &mut impl Follower,
        lease: &Lease,
        grown: &mut watch::Receiver<Position>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), FollowError> {
        let mut place = self.desk.checkpoint(follower.role()).await?;
        self.progress.send_replace(follower.done(place));
        let mut batches = Batches::new(Arc::clone(self.log));
        let mut next_look = Instant::now();
        while lease.is_held() && !*stop.borrow() {
            let has_room = follower.has_room();
            if has_room && next_look <= Instant::now() {
                grown.borrow_and_update();
                let batch = batches.after(place).await.map_err(|error| FollowError::Stuck(error.into()))?;
                if let Some(last) = batch.last() {
                    follower.take(&batch, lease).await?;
                    place = last.position;
                    self.progress.send_replace(follower.done(place));
                }
                if !batches.are_all() {
                    continue;
                }
                next_look = Instant::now() + follower.pace();
            }
            let more = more(has_room, next_look, grown);
            tokio::select! {
                woken = timeout(POLL.min(lease.length() / 3), more) => if woken.is_ok() { continue },
                went_on = follower.go_on(lease) => went_on?,
                _ = stop.changed() => break,
            }
            follower.idle(lease).await?;
            self.progress.send_replace(follower.done(place));
        }
        if *stop.borrow() {
            follower.wind_up(lease).await?;
        }
        Ok(())
    }
}

/// Renews a lease again and again beside the work that is done under it, so that no long batch lets it run out. Once it is
/// someone else's, or was for a moment, it stays lost: the work has to begin where he left off.
async fn renew(desk: &Desk, lease: &Lease) -> Infallible {
    loop {
        sleep(lease.length() / 3).await;
        match desk.lease(lease.role()).await {
            Ok(Some(again)) if again.epoch == lease.epoch => lease.hold.go_on(&again.hold),
            Ok(_) => {
                lease.hold.end_now();
                return pending().await;
            }
            Err(error) => {
                tracing::debug!(
                    role = lease.role(),
                    error = chain(&error),
                    "a lease could not be renewed yet"
                );
            }
        }
    }
}

/// Waits until there is more for a follower that has room for it, and for as long as it leaves the log alone.
async fn more(has_room: bool, next_look: Instant, grown: &mut watch::Receiver<Position>) {
    if !has_room {
        pending::<()>().await;
    }
    // A timer takes its time even where there is none left.
    if next_look > Instant::now() {
        sleep_until(next_look).await;
    }
    woken(grown).await;
}

/// Waits for a sign of growth; for ever where the log gives none any more, so that only polling is left.
pub async fn woken(grown: &mut watch::Receiver<Position>) {
    if grown.changed().await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_that_gives_no_sign_any_more_does_not_keep_its_followers_busy() {
        let (grow, mut grown) = watch::channel(Position::BEGINNING);
        drop(grow);
        let waiting = timeout(POLL, woken(&mut grown)).await;
        assert!(waiting.is_err());
    }
}
