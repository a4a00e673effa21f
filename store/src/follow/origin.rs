//! Which log was followed by those whose places are kept on a desk.

use sqlx::SqliteConnection;

use crate::Position;

/// Which log something was made from, and how far that had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    log_id: Option<String>,
    reached: Position,
}

impl Origin {
    pub(super) async fn noted(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let log_id =
            sqlx::query_scalar("select log_id from kept_log").fetch_optional(&mut *connection).await?;
        let reached: Option<i64> = sqlx::query_scalar("select max(position) from kept_checkpoints")
            .fetch_one(&mut *connection)
            .await?;
        Ok(Self { log_id, reached: reached.map_or(Position::BEGINNING, Position::from_sql) })
    }

    /// Whether it may be the log `log_id`, which has come to `head`. Of a log that grows, the head must be the later news.
    pub fn fits(&self, log_id: &str, head: Position) -> bool {
        self.reached <= head && self.log_id.as_ref().is_none_or(|noted| noted == log_id)
    }
}
