//! Tables in a database on PostgreSQL, as its catalogue tells of them.

use async_trait::async_trait;
use store::views::{Statement, Statements};

use super::Schema;
use crate::shelf::Shelf;

pub(super) struct Postgres;

#[async_trait]
impl Schema for Postgres {
    async fn make(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<(), sqlx::Error> {
        // What is built there is lost with the server, and built again.
        let kind = if at == Shelf::Scratch { "unlogged table" } else { "table" };
        let name = at.name(table);
        run(on, format!("create {kind} {name} (like {table} including all)")).await?;
        let live = indexes(on, table).await?;
        for (made, shape) in indexes(on, &name).await? {
            if let Some((index, _)) = live.iter().find(|(_, other)| *other == shape) {
                run(on, format!("alter index {made} rename to {}", at.name(index))).await?;
            }
        }
        Ok(())
    }

    async fn is_there(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<bool, sqlx::Error> {
        const SQL: &str = "select to_regclass($1)::text";
        let rows = on.rows(Statement::new(SQL, &[at.name(table).into()])).await?;
        let found = rows.into_iter().next().map(|mut row| row.text_if_any()).transpose()?;
        Ok(found.flatten().is_some())
    }

    async fn shape(
        &self,
        on: &mut dyn Statements,
        table: &str,
        at: Shelf,
    ) -> Result<Vec<String>, sqlx::Error> {
        const COLUMNS: &str = "select concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attcollation) \
             from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum";
        let name = at.name(table);
        let columns = on.rows(Statement::new(COLUMNS, &[(&name).into()])).await?;
        let mut shape =
            columns.into_iter().map(|mut row| row.text()).collect::<Result<Vec<_>, sqlx::Error>>()?;
        let indexes = indexes(on, &name).await?;
        shape.extend(indexes.into_iter().map(|(index, words)| format!("{} {words}", at.plain(&index))));
        Ok(shape)
    }

    async fn rename(
        &self,
        on: &mut dyn Statements,
        table: &str,
        (from, to): (Shelf, Shelf),
    ) -> Result<(), sqlx::Error> {
        for (index, _) in indexes(on, &from.name(table)).await? {
            run(on, format!("alter index {index} rename to {}", to.name(from.plain(&index)))).await?;
        }
        run(on, format!("alter table {} rename to {}", from.name(table), to.name(table))).await
    }

    /// Those who read wait as well: the names that they ask for are about to mean other tables.
    async fn hold(&self, on: &mut dyn Statements, tables: &[&str]) -> Result<(), sqlx::Error> {
        run(on, format!("lock table {} in access exclusive mode", tables.join(", "))).await
    }
}

/// Name and shape of the indexes of a table, that of its key among them.
async fn indexes(on: &mut dyn Statements, table: &str) -> Result<Vec<(String, String)>, sqlx::Error> {
    const SQL: &str = "select relname::text, indisunique::text || substring(pg_get_indexdef(indexrelid) from ' USING .*') \
         from pg_index join pg_class on pg_class.oid = indexrelid where indrelid = to_regclass($1) order by relname";
    let rows = on.rows(Statement::new(SQL, &[table.into()])).await?;
    rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
}

async fn run(on: &mut dyn Statements, sql: String) -> Result<(), sqlx::Error> {
    on.run(Statement::once(sql, &[])).await.map(drop)
}
