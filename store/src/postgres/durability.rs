//! Whether a server keeps what it has acknowledged when the power goes. Reads settings, and changes none.

use std::fmt;

use sqlx::Row;

use super::Database;

/// Without any one of these a commit that was acknowledged can be lost, or a page be torn.
const WANTED: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// What a server is set to, for the role and the database of the one who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability([String; WANTED.len()]);

/// The setting that is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is off on the server; turn it on, or set store.allow_unsafe = true where that is no matter")]
pub struct Unsafe(pub &'static str);

impl Durability {
    /// Names the first setting that is off.
    pub fn check(&self) -> Result<(), Unsafe> {
        let off = WANTED.iter().zip(&self.0).find(|(_, value)| *value == "off");
        off.map_or(Ok(()), |(name, _)| Err(Unsafe(name)))
    }

    pub fn is_full(&self) -> bool {
        self.check().is_ok()
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_full() { "durable" } else { "not durable" };
        let settings: Vec<String> =
            WANTED.iter().zip(&self.0).map(|(name, value)| format!("{name} {value}")).collect();
        write!(f, "{verdict} ({})", settings.join(", "))
    }
}

impl Database {
    /// What this database does to make commits durable.
    pub async fn durability(&self) -> Result<Durability, sqlx::Error> {
        const SQL: &str = "select current_setting('fsync'), current_setting('synchronous_commit'), \
             current_setting('full_page_writes')";
        let rows = self.rows(|| self.query(SQL)).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Durability([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]))
    }
}
