//! Which log was followed by those whose places are kept on a desk.

use crate::{
    Position,
    views::{Row, Statement, Statements, Views},
};

/// Which log something was made from, and how far that had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    log_id: Option<String>,
    reached: Position,
}

const NOTED: &str = "select (select log_id from kept_log), (select max(position) from kept_checkpoints)";

impl Origin {
    /// As it stands for everyone.
    pub(super) async fn of(views: &Views) -> Result<Self, sqlx::Error> {
        Self::read(views.rows(Statement::new(NOTED, &[])).await?)
    }

    /// As a transaction sees it.
    pub(super) async fn noted(work: &mut dyn Statements) -> Result<Self, sqlx::Error> {
        Self::read(work.rows(Statement::new(NOTED, &[])).await?)
    }

    fn read(rows: Vec<Row>) -> Result<Self, sqlx::Error> {
        let mut row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
        let log_id = row.text_if_any()?;
        Ok(Self { log_id, reached: row.number_if_any()?.map_or(Position::BEGINNING, Position::from_sql) })
    }

    /// Whether it was noted that it is the log `log_id`.
    pub fn is_of(&self, log_id: &str) -> bool {
        self.log_id.as_deref() == Some(log_id)
    }

    /// Whether it may be the log `log_id`, which has come to `head`. Of a log that grows, the head must be the later news.
    pub fn fits(&self, log_id: &str, head: Position) -> bool {
        self.reached <= head && self.log_id.as_ref().is_none_or(|noted| noted == log_id)
    }
}
