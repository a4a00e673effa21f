//! The book in which followers keep their leases and their places, beside the read models: whoever writes does so under a lease
//! that holds until his transaction ends. Knows no follower.

use std::time::Duration;

use tokio::time::Instant;

use super::{FollowError, Origin, hold::Hold};
use crate::{
    Position,
    views::{Cell, Engine, Row, Statement, Statements, Views, Work},
};

/// The book in which followers keep their leases and their places, beside the read models.
#[derive(Clone)]
pub struct Desk {
    views: Views,
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
    pub(super) epoch: i64,
    length: Duration,
    pub(super) hold: Hold,
}

/// A role as `doctor` sees it.
#[derive(Debug, Clone)]
pub struct Standing {
    pub role: String,
    pub node: String,
    /// Whether its lease has not run out.
    pub led: bool,
    pub position: Position,
}

/// What became of the question whether read models and log belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Fits,
    /// They were of another log, and are made again.
    StartedOver,
    /// They are of another log, and somebody leads a follower on them.
    InUse,
}

/// Whether the lease is held.
const HELD: &str = "select role from kept_leases where role = $1 and node = $2 and epoch = $3";
/// Writes down a place further on.
const KEEP: &str = "insert into kept_checkpoints (role, position) values ($1, $4) \
     on conflict (role) do update set position = excluded.position where kept_checkpoints.position < excluded.position";
/// Both at once on PostgreSQL, where others write at the same time.
const ADVANCE: &str = "with held as (select role from kept_leases where role = $1 and node = $2 and epoch = $3 for share), \
     kept as (insert into kept_checkpoints as kept (role, position) select role, $4 from held \
     on conflict (role) do update set position = excluded.position where kept.position < excluded.position) \
     select role from held";

impl Desk {
    pub const fn new(views: Views, node: String, tenure: Tenure) -> Self {
        Self { views, node, tenure }
    }

    /// The desk for someone who leads nothing.
    pub const fn over(views: Views) -> Self {
        Self::new(views, String::new(), Tenure { length: Duration::ZERO, sole: false })
    }

    /// Makes sure that what is kept here was made from the log `log_id`, which has come to `head`: else all followers start
    /// over, and `start_over` throws away what they made from another one, unless somebody leads one of them.
    pub async fn settle(
        &self,
        log_id: &str,
        head: Position,
        start_over: impl AsyncFnOnce(&mut Work<'static>) -> Result<(), sqlx::Error>,
    ) -> Result<Settled, sqlx::Error> {
        const NOTE: &str = "insert into kept_log (one, log_id) values (1, $1) \
             on conflict (one) do update set log_id = excluded.log_id";
        const LED: &str = "select role from kept_leases where until > $1";
        let now = self.views.now().await?;
        let mut work = self.views.begin().await?;
        if let Some(alone) = work.engine().alone() {
            work.run(Statement::new(alone, &[])).await?;
        }
        let foreign = !Origin::noted(&mut work).await?.fits(log_id, head);
        if foreign {
            let led = !work.rows(Statement::new(LED, &[now.0.into()])).await?.is_empty();
            if led && !self.tenure.sole {
                return Ok(Settled::InUse);
            }
            start_over(&mut work).await?;
            work.run(Statement::new("delete from kept_checkpoints", &[])).await?;
        }
        work.run(Statement::new(NOTE, &[log_id.into()])).await?;
        work.commit().await?;
        Ok(if foreign { Settled::StartedOver } else { Settled::Fits })
    }

    /// Which log what is kept here was made from, as far as it was noted.
    pub async fn origin(&self) -> Result<Origin, sqlx::Error> {
        Origin::of(&self.views).await
    }

    /// How others know this process.
    pub fn node(&self) -> &str {
        &self.node
    }

    pub const fn tenure(&self) -> Tenure {
        self.tenure
    }

    /// The database that the desk stands in.
    pub const fn views(&self) -> &Views {
        &self.views
    }

    /// Takes or renews the lease of a role; none while someone else holds it.
    pub async fn lease(&self, role: &str) -> Result<Option<Lease>, sqlx::Error> {
        const SQL: &str = "insert into kept_leases (role, node, epoch, until) values ($1, $2, 1, $3) \
             on conflict (role) do update set \
             epoch = case when kept_leases.node = $2 then kept_leases.epoch else kept_leases.epoch + 1 end, \
             node = $2, until = $3 where kept_leases.node = $2 or kept_leases.until < $4 or $5 = 1 returning epoch";
        let (asked, now) = (Instant::now(), self.views.now().await?);
        let until = now + self.tenure.length;
        let values =
            [role.into(), (&self.node).into(), until.0.into(), now.0.into(), self.tenure.sole.into()];
        let rows = self.views.change(Statement::new(SQL, &values)).await?;
        let epoch = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
        Ok(epoch.map(|epoch| Lease {
            role: role.to_owned(),
            node: self.node.clone(),
            epoch,
            length: self.tenure.length,
            hold: Hold::since(asked, self.tenure.length),
        }))
    }

    /// Whether someone else holds the lease of a role. It costs those who hold one nothing to be asked this often.
    pub async fn is_led_elsewhere(&self, role: &str) -> Result<bool, sqlx::Error> {
        const SQL: &str = "select until from kept_leases where role = $1 and node <> $2";
        if self.tenure.sole {
            return Ok(false);
        }
        let now = self.views.now().await?;
        let rows = self.views.rows(Statement::new(SQL, &[role.into(), (&self.node).into()])).await?;
        let until = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
        Ok(until.is_some_and(|until| until >= now.0))
    }

    /// How far a role has come.
    pub async fn checkpoint(&self, role: &str) -> Result<Position, sqlx::Error> {
        const SQL: &str = "select position from kept_checkpoints where role = $1";
        let rows = self.views.rows(Statement::new(SQL, &[role.into()])).await?;
        let found = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
        Ok(found.map_or(Position::BEGINNING, Position::from_sql))
    }

    /// Sets the place of a role, ahead of where it stood or behind it, for a follower that starts where other data stands.
    /// To be called before the role is led: its leader holds his place in memory, and writes it down after each batch.
    pub async fn place(&self, role: &str, position: Position) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into kept_checkpoints (role, position) values ($1, $2) \
             on conflict (role) do update set position = excluded.position";
        self.views.change(Statement::new(SQL, &[role.into(), position.to_sql().into()])).await.map(drop)
    }

    /// Gives up all leases of this node, so that the next one need not wait for their end.
    pub async fn leave(&self) -> Result<(), sqlx::Error> {
        const SQL: &str = "update kept_leases set until = $1 where node = $2 and until > $1";
        let end = self.views.now().await?;
        self.views.change(Statement::new(SQL, &[end.0.into(), (&self.node).into()])).await.map(drop)
    }

    /// All roles that were ever led, with their places.
    pub async fn standings(&self) -> Result<Vec<Standing>, sqlx::Error> {
        const SQL: &str = "select l.role, l.node, l.until, coalesce(c.position, 0) \
             from kept_leases l left join kept_checkpoints c on c.role = l.role order by l.role";
        let now = self.views.now().await?;
        let standing = |mut row: Row| {
            Ok(Standing {
                role: row.text()?,
                node: row.text()?,
                led: row.number()? > now.0,
                position: Position::from_sql(row.number()?),
            })
        };
        self.views.rows(Statement::new(SQL, &[])).await?.into_iter().map(standing).collect()
    }
}

impl Lease {
    pub(super) fn role(&self) -> &str {
        &self.role
    }

    /// Whether nobody else can have it yet. One who does what can't be taken back asks before he does it.
    pub fn is_held(&self) -> bool {
        self.hold.is_on()
    }

    /// As [`advance`](Self::advance) says when it is too late.
    pub fn lost(&self) -> FollowError {
        FollowError::LeaseLost(self.role.clone())
    }

    /// How long it lasts unless it is renewed.
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// Writes down that everything up to `position` is done, in the transaction that did it; refused when the lease is
    /// someone else's by now, and nobody takes it over before that transaction ends. A place further on stands: a rebuild may
    /// have come ahead of the leader.
    pub async fn advance(&self, work: &mut Work<'_>, position: Position) -> Result<(), FollowError> {
        let values = self.values(position);
        let held = match work.engine() {
            Engine::Postgres => work.rows(Statement::new(ADVANCE, &values)).await?,
            Engine::Sqlite => {
                let held = work.rows(Statement::new(HELD, &values)).await?;
                if !held.is_empty() {
                    work.run(Statement::new(KEEP, &values)).await?;
                }
                held
            }
        };
        if held.is_empty() { Err(self.lost()) } else { Ok(()) }
    }

    /// The same where nothing was to be done.
    pub async fn advance_alone(&self, views: &Views, position: Position) -> Result<(), FollowError> {
        if views.engine() == Engine::Postgres {
            let held = views.change(Statement::new(ADVANCE, &self.values(position))).await?;
            return if held.is_empty() { Err(self.lost()) } else { Ok(()) };
        }
        let mut work = views.begin().await?;
        self.advance(&mut work, position).await?;
        Ok(work.commit().await?)
    }

    fn values(&self, position: Position) -> [Cell; 4] {
        [(&self.role).into(), (&self.node).into(), self.epoch.into(), position.to_sql().into()]
    }
}
