//! Counts attempts in an expiring table, before anything is verified, for accounts that exist and for those that don't
//! alike. It delays; whoever comes from another network is not held up. Names are counted by keyed hash only.

use std::{sync::Arc, time::Duration};

use domain::Time;
use store::{
    clock,
    node_keys::MacKeys,
    views::{Statement, Views},
};

use crate::config::Limit;

/// Too many attempts; the next one is heard after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub retry_after: Duration,
}

#[derive(Clone)]
pub struct Attempts {
    views: Views,
    keys: Arc<MacKeys>,
    enabled: bool,
}

impl Attempts {
    pub fn new(views: Views, keys: Arc<MacKeys>, enabled: bool) -> Self {
        Self { views, keys, enabled }
    }

    /// Counts one attempt at `what` against `limit`; the inner error says how long to wait.
    pub async fn count(&self, what: &[&str], limit: Limit) -> Result<Result<(), TooMany>, sqlx::Error> {
        if !self.enabled {
            return Ok(Ok(()));
        }
        let (count, until) = self.raise(what, limit.window).await?;
        let retry_after = until.since(clock::now()).max(Duration::from_secs(1));
        Ok(if count > limit.count { Err(TooMany { retry_after }) } else { Ok(()) })
    }

    /// How often `what` has happened in the clock hour of `at`, this time included. Counts even where limits are off.
    pub async fn tally(&self, what: &[&str], at: Time) -> Result<u32, sqlx::Error> {
        let hour = at.seconds().div_euclid(3600).to_string();
        let named: Vec<&str> = what.iter().copied().chain([hour.as_str()]).collect();
        self.raise(&named, Duration::from_hours(1)).await.map(|(count, _)| count)
    }

    /// Whether `what` has not happened on any node within `window`; from now on it has. One whose answer was lost may say that it
    /// had, and never the other way round. Counts even where limits are off.
    pub async fn is_first(&self, what: &[&str], window: Duration) -> Result<bool, sqlx::Error> {
        self.raise(what, window).await.map(|(count, _)| count == 1)
    }

    /// Forgets the attempts at `what`: it succeeded.
    pub async fn clear(&self, what: &[&str]) -> Result<(), sqlx::Error> {
        if self.enabled {
            const SQL: &str = "delete from kept_attempts where name = $1";
            self.views.change(Statement::new(SQL, &[self.name(what).into()])).await?;
        }
        Ok(())
    }

    /// Drops the counts whose window is over.
    pub async fn sweep(&self) -> Result<(), sqlx::Error> {
        const SQL: &str = "delete from kept_attempts where until <= $1";
        self.views.change(Statement::new(SQL, &[clock::now().0.into()])).await.map(drop)
    }

    /// Counts once more, perhaps twice where the answer of the database is lost. Windows go by the clock that processes share.
    /// No count lasts for longer than a window from now: one that seems to was begun before the clock was
    /// set back.
    async fn raise(&self, what: &[&str], window: Duration) -> Result<(u32, Time), sqlx::Error> {
        const SQL: &str = "insert into kept_attempts as kept (name, count, until) values ($1, 1, $2) \
             on conflict (name) do update set \
             count = case when kept.until <= $3 then 1 else kept.count + 1 end, \
             until = case when kept.until <= $3 or kept.until > $2 then $2 else kept.until end \
             returning count, until";
        let now = clock::now();
        let values = [self.name(what).into(), (now + window).0.into(), now.0.into()];
        let rows = self.views.change(Statement::new(SQL, &values)).await?;
        let mut row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
        Ok((row.small()?, Time(row.number()?)))
    }

    fn name(&self, what: &[&str]) -> String {
        self.keys.digest("attempts", &what.join("\u{0}"))
    }
}
