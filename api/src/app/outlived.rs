//! Which sessions an event in their user's life has ended: looked up in the read models, once those have heard of it.

use std::time::Duration;

use async_trait::async_trait;
use domain::UserId;
use projections::{ReadModel, SessionRow, UserReader, sessions};
use store::{
    Cause, Journal, Position, clock,
    follow::{Desk, Reached},
};
use tokio::{sync::watch, time::timeout};
use workers::revoker::{Login, Logins};

/// How long the read model of sessions is waited for at a time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks them up for the revocation worker.
pub struct Outlived {
    users: UserReader,
    desk: Desk,
    sessions: Reached,
}

impl Outlived {
    /// `here`: how far this process's own list of sessions has come.
    pub fn new(journal: Journal, desk: Desk, here: watch::Receiver<Position>) -> Self {
        let users = UserReader::new(journal, desk.views().clone());
        let sessions = Reached::of(SessionRow::NAME, here, desk.clone());
        Self { users, desk, sessions }
    }
}

#[async_trait]
impl Logins for Outlived {
    async fn outlived(&self, user: UserId, position: Position) -> Result<Vec<Login>, Cause> {
        timeout(PATIENCE, self.sessions.wait_for(position)).await??;
        let Some(user) = self.users.current(user).await? else { return Ok(Vec::new()) };
        let ended = sessions::outlived(self.desk.views(), &user, clock::now()).await?;
        let login =
            |row: SessionRow| Login { session: row.id, renewed_at: row.refreshed_at, until: row.until };
        Ok(ended.into_iter().map(login).collect())
    }
}
