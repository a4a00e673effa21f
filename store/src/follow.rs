//! Followers read the log in order and keep their place: one leader for each role, by a lease whose epoch fences off a
//! leader that lost it. Knows when to hand out events, not what is done with them.

mod hold;
mod leading;
mod listeners;
mod origin;
mod reached;
#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::time::Instant;

use crate::{
    Cause, Position, Recorded, clock,
    sqlite::{self, OpenError, Role},
};
use hold::Hold;
pub use leading::{follow, woken};
pub use listeners::Listener;
pub use origin::Origin;
pub use reached::Reached;

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
    hold: Hold,
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

    /// How others know this process.
    pub fn node(&self) -> &str {
        &self.node
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
        let (now, asked) = (clock::now(), Instant::now());
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
            hold: Hold::since(asked, self.tenure.length),
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
    /// Whether nobody else can have it yet. One who does what can't be taken back asks before he does it.
    pub fn is_held(&self) -> bool {
        self.hold.is_on()
    }

    /// As [`advance`](Self::advance) says when it is too late.
    pub fn lost(&self) -> FollowError {
        FollowError::LeaseLost(self.role.clone())
    }

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
        if written == 0 { Err(self.lost()) } else { Ok(()) }
    }
}
