//! Followers read the log in order and keep their place: one leader for each role, by a lease whose epoch fences off a
//! leader that lost it. Knows when to hand out events, not what is done with them.

mod origin;
#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    Cause, EventLog, Position, Recorded, clock,
    sqlite::{self, OpenError, Role},
};
pub use origin::Origin;

/// How many events are handed out at once.
const BATCH: u32 = 1000;
/// Followers look at the log this often even when nothing woke them.
const POLL: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// The book in which followers keep their leases and their places, beside the read models.
#[derive(Clone)]
pub struct Desk {
    pool: SqlitePool,
    /// One connection, for which those who write queue up. Whoever finds the database taken waits by sleeping longer and longer.
    writer: SqlitePool,
    node: String,
    tenure: Tenure,
}

/// How leases are held.
#[derive(Debug, Clone, Copy)]
pub struct Tenure {
    pub length: Duration,
    /// Whether a lease may be taken from its holder at once: only where a lock on the data says that he is dead.
    pub sole: bool,
}

/// The right to lead one role, until it is taken over.
#[derive(Debug, Clone)]
pub struct Lease {
    role: String,
    node: String,
    epoch: i64,
    length: Duration,
}

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

/// A role as `doctor` sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    pub role: String,
    pub node: String,
    pub until: i64,
    pub position: i64,
}

impl Desk {
    /// Opens the database of the read models, where the desk stands.
    pub async fn open_file(path: &Path, node: String, tenure: Tenure) -> Result<Self, OpenError> {
        let pool = sqlite::open(path, Role::Views, 6).await?;
        let writer = sqlite::open(path, Role::Views, 1).await?;
        Ok(Self { pool, writer, node, tenure })
    }

    /// The desk in a database that is open already, for someone who leads nothing.
    pub fn over(pool: SqlitePool) -> Self {
        Self {
            writer: pool.clone(),
            pool,
            node: String::new(),
            tenure: Tenure { length: Duration::ZERO, sole: false },
        }
    }

    /// Makes sure that what is kept here was made from the log `log_id`, which has come to `head`: else all followers start
    /// over, and `start_over` throws away what they made from another one. Answers whether that was so.
    pub async fn settle(
        &self,
        log_id: &str,
        head: Position,
        start_over: impl AsyncFnOnce(&mut SqliteConnection) -> Result<(), sqlx::Error>,
    ) -> Result<bool, sqlx::Error> {
        let mut work = self.writer.begin_with("begin immediate").await?;
        let foreign = !Origin::noted(&mut work).await?.fits(log_id, head);
        if foreign {
            start_over(&mut work).await?;
            sqlx::query("delete from kept_checkpoints").execute(&mut *work).await?;
        }
        sqlx::query("insert or replace into kept_log (one, log_id) values (1, ?)")
            .bind(log_id)
            .execute(&mut *work)
            .await?;
        work.commit().await?;
        Ok(foreign)
    }

    /// Which log what is kept here was made from, as far as it was noted.
    pub async fn origin(&self) -> Result<Origin, sqlx::Error> {
        Origin::noted(&mut *self.pool.acquire().await?).await
    }

    /// The database that the desk stands in, for those who read.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// The same for those who write; each waits for his turn.
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Takes or renews the lease of a role; none while someone else holds it.
    pub async fn lease(&self, role: &str) -> Result<Option<Lease>, sqlx::Error> {
        const SQL: &str = "insert into kept_leases (role, node, epoch, until) values (?1, ?2, 1, ?3) \
             on conflict (role) do update set epoch = epoch + (node != ?2), node = ?2, until = ?3 \
             where node = ?2 or until < ?4 or ?5 returning epoch";
        let now = clock::now();
        let epoch: Option<i64> = sqlx::query_scalar(SQL)
            .bind(role)
            .bind(&self.node)
            .bind((now + self.tenure.length).0)
            .bind(now.0)
            .bind(self.tenure.sole)
            .fetch_optional(&self.writer)
            .await?;
        Ok(epoch.map(|epoch| Lease {
            role: role.to_owned(),
            node: self.node.clone(),
            epoch,
            length: self.tenure.length,
        }))
    }

    /// How far a role has come.
    pub async fn checkpoint(&self, role: &str) -> Result<Position, sqlx::Error> {
        let found: Option<i64> = sqlx::query_scalar("select position from kept_checkpoints where role = ?")
            .bind(role)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.map_or(Position::BEGINNING, Position::from_sql))
    }

    /// Sets the place of a role, ahead of where it stood or behind it, for a follower that starts where other data stands.
    /// To be called before the role is led: its leader holds his place in memory, and writes it down after each batch.
    pub async fn place(&self, role: &str, position: Position) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into kept_checkpoints (role, position) values (?, ?) \
             on conflict (role) do update set position = excluded.position";
        sqlx::query(SQL).bind(role).bind(position.to_sql()).execute(&self.writer).await?;
        Ok(())
    }

    /// Gives up all leases of this node, so that the next one need not wait for their end.
    pub async fn leave(&self) -> Result<(), sqlx::Error> {
        let end = clock::now().0;
        sqlx::query("update kept_leases set until = min(until, ?) where node = ?")
            .bind(end)
            .bind(&self.node)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// All roles that were ever led, with their places.
    pub async fn standings(&self) -> Result<Vec<Standing>, sqlx::Error> {
        const SQL: &str = "select l.role, l.node, l.until, coalesce(c.position, 0) as position \
             from kept_leases l left join kept_checkpoints c on c.role = l.role order by l.role";
        sqlx::query_as(SQL).fetch_all(&self.pool).await
    }
}

impl Lease {
    /// Writes down that everything up to `position` is done, in the transaction that did it; refused when the lease is
    /// someone else's by now. A place further on stands: a rebuild may have come ahead of the leader.
    pub async fn advance(&self, work: &mut SqliteConnection, position: Position) -> Result<(), FollowError> {
        const SQL: &str = "insert into kept_checkpoints (role, position) select ?1, ?2 \
             where exists (select 1 from kept_leases where role = ?1 and node = ?3 and epoch = ?4) \
             on conflict (role) do update set position = max(position, excluded.position)";
        let written = sqlx::query(SQL)
            .bind(&self.role)
            .bind(position.to_sql())
            .bind(&self.node)
            .bind(self.epoch)
            .execute(work)
            .await?
            .rows_affected();
        if written == 0 { Err(FollowError::LeaseLost(self.role.clone())) } else { Ok(()) }
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
            Ok(()) => POLL.min(desk.tenure.length / 3),
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
            if renewed.elapsed() > lease.length / 3 {
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
                woken = timeout(POLL.min(lease.length / 3), woken(grown)) => woken.is_err(),
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
