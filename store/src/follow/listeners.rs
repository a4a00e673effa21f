//! Who listens to the log without leading anything: each process for itself, so that all that is kept here is how far it has heard,
//! for those who must know that everybody has.

use std::time::Duration;

use super::Desk;
use crate::{
    Position,
    views::{Row, Statement},
};

/// One process, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub node: String,
    pub position: Position,
}

impl Desk {
    /// Says that this node has heard everything up to `position`, and goes by that for so long unless it hears more.
    pub async fn heard(&self, position: Position, trust: Duration) -> Result<(), sqlx::Error> {
        const SQL: &str = "insert into kept_listeners (node, position, until) values ($1, $2, $3) \
             on conflict (node) do update set position = excluded.position, until = excluded.until";
        let until = self.views().now().await? + trust;
        let values = [self.node().into(), position.to_sql().into(), until.0.into()];
        self.views().change(Statement::new(SQL, &values)).await.map(drop)
    }

    /// Those that may still go by what they have heard, in the order of their names.
    pub async fn listeners(&self) -> Result<Vec<Listener>, sqlx::Error> {
        const SQL: &str = "select node, position from kept_listeners where until > $1 order by node";
        let now = self.views().now().await?;
        let listener =
            |mut row: Row| Ok(Listener { node: row.text()?, position: Position::from_sql(row.number()?) });
        self.views().rows(Statement::new(SQL, &[now.0.into()])).await?.into_iter().map(listener).collect()
    }

    /// Strikes out those that go by nothing any more: this node, those whose time is over and, where no other may run, all.
    pub async fn hear_no_more(&self) -> Result<(), sqlx::Error> {
        const SQL: &str = "delete from kept_listeners where node = $1 or until <= $2 or $3 = 1";
        let now = self.views().now().await?;
        let values = [self.node().into(), now.0.into(), self.tenure().sole.into()];
        self.views().change(Statement::new(SQL, &values)).await.map(drop)
    }
}
