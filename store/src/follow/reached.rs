//! How far a role has come, whichever process leads it: where it is this one, its follower says so at once; else its checkpoint is
//! looked at, and by all who wait together.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, time::sleep};

use super::Desk;
use crate::{
    Cause, Position,
    together::{Answers, Together},
};

/// How long to wait between two looks at the checkpoint: longer and longer.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(80);

pub struct Reached {
    here: watch::Receiver<Position>,
    checkpoint: Together<Checkpoint>,
    /// Where the checkpoint was seen last.
    seen: AtomicU64,
}

impl Reached {
    /// Of a role. `here`: how far this process's own follower has come, which need not lead.
    pub fn of(role: &'static str, here: watch::Receiver<Position>, desk: Desk) -> Self {
        let checkpoint = Together::new(Checkpoint { role, desk }, 1);
        Self { here, checkpoint, seen: AtomicU64::new(0) }
    }

    /// Waits until the role has come to `position`, for however long that takes.
    pub async fn wait_for(&self, position: Position) -> Result<(), Cause> {
        let mut here = self.here.clone();
        let mut pause = FIRST_PAUSE;
        while self.seen.load(Ordering::Relaxed) < position.0 {
            tokio::select! {
                Ok(_) = here.wait_for(|place| *place >= position) => return Ok(()),
                () = sleep(pause) => {}
            }
            let place = self.checkpoint.ask(()).await?;
            self.seen.fetch_max(place.0, Ordering::Relaxed);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

struct Checkpoint {
    role: &'static str,
    desk: Desk,
}

#[async_trait]
impl Answers for Checkpoint {
    type Question = ();
    type Answer = Position;
    type Error = sqlx::Error;

    async fn answer(&self, asked: Vec<()>) -> Result<Vec<Position>, sqlx::Error> {
        let place = self.desk.checkpoint(self.role).await?;
        Ok(vec![place; asked.len()])
    }
}
