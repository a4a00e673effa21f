//! Who listens to the log without leading anything: each process for itself, so that all that is kept here is how far it has heard,
//! for those who must know that everybody has.

use std::time::Duration;

use super::Desk;
use crate::{Position, clock};

/// One process, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub node: String,
    pub position: Position,
}

impl Desk {
    /// Says that this node has heard everything up to `position`, and goes by that for so long unless it hears more.
    pub async fn heard(&self, position: Position, trust: Duration) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into kept_listeners (node, position, until) values (?, ?, ?) \
             on conflict (node) do update set position = excluded.position, until = excluded.until";
        let until = clock::now() + trust;
        sqlx::query(SQL).bind(&self.node).bind(position.to_sql()).bind(until.0).execute(&self.writer).await?;
        Ok(())
    }

    /// Those that may still go by what they have heard.
    pub async fn listeners(&self) -> Result<Vec<Listener>, sqlx::Error> {
        const SQL: &str = "select node, position from kept_listeners where until > ? order by node";
        let rows: Vec<(String, i64)> = sqlx::query_as(SQL).bind(clock::now().0).fetch_all(&self.pool).await?;
        let listener = |(node, position)| Listener { node, position: Position::from_sql(position) };
        Ok(rows.into_iter().map(listener).collect())
    }

    /// Strikes out those that go by nothing any more: this node, those whose time is over and, where no other may run, all.
    pub async fn hear_no_more(&self) -> Result<(), sqlx::Error> {
        const SQL: &str = "delete from kept_listeners where node = ?1 or until <= ?2 or ?3";
        sqlx::query(SQL)
            .bind(&self.node)
            .bind(clock::now().0)
            .bind(self.tenure.sole)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
