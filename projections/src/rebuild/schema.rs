//! Tables as such, in the shape that the migrations gave the live ones: what each engine has its own words for. Knows nothing of
//! what stands in them.

mod postgres;
mod sqlite;

use async_trait::async_trait;
use store::views::{Engine, Statements};

use crate::shelf::Shelf;

/// Makes, compares, moves and removes one table with its indexes.
#[async_trait]
pub(super) trait Schema: Sync {
    /// Makes an empty table; where it is to be read by anyone, with its indexes.
    async fn make(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<(), sqlx::Error>;

    async fn is_there(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<bool, sqlx::Error>;

    /// What the table and its indexes are, in words that are the same for the same shape.
    async fn shape(
        &self,
        on: &mut dyn Statements,
        table: &str,
        at: Shelf,
    ) -> Result<Vec<String>, sqlx::Error>;

    /// Moves a table, with what is in it, to a shelf on which there is none. Its indexes take the names that belong there: a
    /// migration finds those of the live tables as migrations named them.
    async fn rename(
        &self,
        on: &mut dyn Statements,
        table: &str,
        way: (Shelf, Shelf),
    ) -> Result<(), sqlx::Error>;

    /// Lets nobody else write to the live tables until the transaction ends.
    async fn hold(&self, on: &mut dyn Statements, tables: &[&str]) -> Result<(), sqlx::Error>;
}

pub(super) fn schema(on: &dyn Statements) -> &'static dyn Schema {
    match on.engine() {
        Engine::Sqlite => &sqlite::Sqlite,
        Engine::Postgres => &postgres::Postgres,
    }
}
