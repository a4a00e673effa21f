//! Tables in a SQLite file, whose schema keeps the very words that made them.

use async_trait::async_trait;
use store::views::{Engine, Statement, Statements};

use super::Schema;
use crate::shelf::Shelf;

pub(super) struct Sqlite;

#[async_trait]
impl Schema for Sqlite {
    async fn make(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<(), sqlx::Error> {
        for (_, sql) in definitions(on, "table", table).await? {
            run(on, format!("create table {} {}", at.table(Engine::Sqlite, table), shape(&sql))).await?;
        }
        if at == Shelf::Scratch {
            return Ok(());
        }
        for (index, sql) in definitions(on, "index", table).await? {
            let (index, table) = (at.name(&index), at.name(table));
            run(on, format!("create index main.{index} on {table} {}", shape(&sql))).await?;
        }
        Ok(())
    }

    async fn is_there(&self, on: &mut dyn Statements, table: &str, at: Shelf) -> Result<bool, sqlx::Error> {
        Ok(!definitions(on, "table", &at.name(table)).await?.is_empty())
    }

    async fn shape(
        &self,
        on: &mut dyn Statements,
        table: &str,
        at: Shelf,
    ) -> Result<Vec<String>, sqlx::Error> {
        let name = at.name(table);
        let mut found = definitions(on, "table", &name).await?;
        found.extend(definitions(on, "index", &name).await?);
        let words = |(name, sql): (String, String)| format!("{} {}", at.plain(&name), shape(&sql));
        Ok(found.into_iter().map(words).collect())
    }

    async fn rename(
        &self,
        on: &mut dyn Statements,
        table: &str,
        (from, to): (Shelf, Shelf),
    ) -> Result<(), sqlx::Error> {
        rename_indexes(on, &from.name(table), (from, to)).await?;
        // Reads the whole schema anew, with the names of the indexes, here and in all other connections.
        let sql = format!("alter table {} rename to {}", from.table(Engine::Sqlite, table), to.name(table));
        run(on, sql).await
    }

    /// Who began to write is alone.
    async fn hold(&self, _: &mut dyn Statements, _: &[&str]) -> Result<(), sqlx::Error> {
        Ok(())
    }
}

/// SQLite can rename tables and columns, and no indexes; to make an index anew takes as long as its table is large. So this
/// writes the schema itself, in the way that SQLite's documentation of `alter table` shows.
async fn rename_indexes(
    on: &mut dyn Statements,
    table: &str,
    (from, to): (Shelf, Shelf),
) -> Result<(), sqlx::Error> {
    const SQL: &str = "update main.sqlite_schema set name = $1, sql = $2 where type = 'index' and name = $3";
    run(on, "pragma writable_schema = on".to_owned()).await?;
    for (index, sql) in definitions(on, "index", table).await? {
        let name = to.name(from.plain(&index));
        let sql = format!("create index {name} on {table} {}", shape(&sql));
        on.run(Statement::once(SQL.to_owned(), &[name.into(), sql.into(), index.into()])).await?;
    }
    run(on, "pragma writable_schema = off".to_owned()).await
}

/// Name and text of the things of one kind that belong to a table, without those that SQLite makes of itself.
async fn definitions(
    on: &mut dyn Statements,
    kind: &str,
    table: &str,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    const SQL: &str = "select name, sql from main.sqlite_schema \
         where type = $1 and tbl_name = $2 and sql is not null order by name";
    let rows = on.rows(Statement::new(SQL, &[kind.into(), table.into()])).await?;
    rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
}

/// A definition without the name of what it defines.
fn shape(sql: &str) -> &str {
    sql.find('(').and_then(|start| sql.get(start..)).unwrap_or_default()
}

async fn run(on: &mut dyn Statements, sql: String) -> Result<(), sqlx::Error> {
    on.run(Statement::once(sql, &[])).await.map(drop)
}
