//! Makes, fills, compares, renames and removes whole tables of read models, all in the shape that the migrations gave the
//! live ones. However many rows there are, others never wait long for a turn to write.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::time::{Instant, sleep};

use super::{Progress, Step};
use crate::{
    ReadModel, SessionRow, UserRow, parked,
    shelf::{Places, Shelf},
};

/// How many rows are written before others may write.
const STEP: u32 = 4000;

/// The models with their keys.
const MODELS: [(&str, &str); 2] = [(UserRow::NAME, UserRow::KEY), (SessionRow::NAME, SessionRow::KEY)];

/// All tables. The last one is made last and removed first: as long as it is there, the others are whole.
const TABLES: [&str; 3] = [UserRow::NAME, SessionRow::NAME, parked::TABLE];

/// Makes empty tables; where they are to be read by anyone, with their indexes.
pub(super) async fn make(connection: &mut SqliteConnection, shelf: Shelf) -> Result<(), sqlx::Error> {
    for table in TABLES {
        for (_, sql) in definitions(connection, "table", table).await? {
            run(connection, format!("create table {} {}", shelf.table(table), shape(&sql))).await?;
        }
        if shelf == Shelf::Scratch {
            continue;
        }
        for (index, sql) in definitions(connection, "index", table).await? {
            let (index, table) = (shelf.name(&index), shelf.name(table));
            run(connection, format!("create index main.{index} on {table} {}", shape(&sql))).await?;
        }
    }
    Ok(())
}

/// Whether there are whole tables.
pub(super) async fn are_there(connection: &mut SqliteConnection, shelf: Shelf) -> Result<bool, sqlx::Error> {
    Ok(!definitions(connection, "table", &shelf.name(parked::TABLE)).await?.is_empty())
}

/// Whether tables have the shape of the live ones: the same columns and indexes, in the same words.
pub(super) async fn are_alike(connection: &mut SqliteConnection, shelf: Shelf) -> Result<bool, sqlx::Error> {
    Ok(shapes(connection, shelf).await? == shapes(connection, Shelf::Live).await?)
}

/// Moves tables, or what there is of them, with what is in them, to a shelf on which there are none. Their indexes take the names that belong there:
/// a migration finds those of the live tables as migrations named them.
pub(super) async fn rename(
    connection: &mut SqliteConnection,
    from: Shelf,
    to: Shelf,
) -> Result<(), sqlx::Error> {
    for table in TABLES {
        if definitions(connection, "table", &from.name(table)).await?.is_empty() {
            continue;
        }
        rename_indexes(connection, &from.name(table), (from, to)).await?;
        // Reads the whole schema anew, with the names of the indexes, here and in all other connections.
        run(connection, format!("alter table {} rename to {}", from.table(table), to.name(table))).await?;
    }
    Ok(())
}

/// SQLite can rename tables and columns, and no indexes; to make an index anew takes as long as its table is large. So this
/// writes the schema itself, in the way that SQLite's documentation of `alter table` shows.
async fn rename_indexes(
    connection: &mut SqliteConnection,
    table: &str,
    (from, to): (Shelf, Shelf),
) -> Result<(), sqlx::Error> {
    run(connection, "pragma writable_schema = on".to_owned()).await?;
    for (index, sql) in definitions(connection, "index", table).await? {
        let name = to.name(from.plain(&index));
        sqlx::query("update main.sqlite_schema set name = ?, sql = ? where type = 'index' and name = ?")
            .bind(&name)
            .bind(format!("create index {name} on {table} {}", shape(&sql)))
            .bind(index)
            .persistent(false)
            .execute(&mut *connection)
            .await?;
    }
    run(connection, "pragma writable_schema = off".to_owned()).await.map(drop)
}

/// Empties the live tables and removes all others, so that they can be made from another log.
pub async fn start_over(work: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for table in TABLES {
        run(work, format!("delete from {}", Shelf::Live.table(table))).await?;
        for shelf in [Shelf::Next, Shelf::Before, Shelf::Gone] {
            run(work, format!("drop table if exists {}", shelf.table(table))).await?;
        }
    }
    Ok(())
}

/// Removes what nobody goes back to, whole or not: what a rebuild that died has built, and what was replaced twice.
pub(super) async fn remove_left_behind(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for shelf in [Shelf::Next, Shelf::Gone] {
        remove(connection, shelf).await?;
    }
    Ok(())
}

/// Removes tables, or what there is of them, and overwrites what was in them.
async fn remove(connection: &mut SqliteConnection, shelf: Shelf) -> Result<(), sqlx::Error> {
    run(connection, "pragma main.secure_delete = on".to_owned()).await?;
    run(connection, format!("drop table if exists {}", shelf.table(parked::TABLE))).await?;
    Places::forget(connection, shelf).await?;
    for (model, key) in MODELS {
        if definitions(connection, "table", &shelf.name(model)).await?.is_empty() {
            continue;
        }
        for (index, _) in definitions(connection, "index", &shelf.name(model)).await? {
            run(connection, format!("drop index main.{index}")).await?;
        }
        let table = shelf.table(model);
        let some = format!(
            "delete from {table} where {key} in (select {key} from {table} order by {key} limit {STEP})"
        );
        while briefly(connection, some.clone()).await? > 0 {}
        run(connection, format!("drop table {table}")).await?;
    }
    Ok(())
}

/// Copies the tables of the scratch to those that become live.
pub(super) async fn copy(
    connection: &mut SqliteConnection,
    rows: u64,
    progress: Progress<'_>,
) -> Result<(), sqlx::Error> {
    let mut done = 0;
    for (model, key) in MODELS {
        let (from, to) = (Shelf::Scratch.table(model), Shelf::Next.table(model));
        let mut after = String::new();
        loop {
            progress(Step::Copying { done, of: rows });
            let page = format!("from {from} {after} order by {key} limit {STEP}");
            let last = format!("select quote(max({key})) from (select {key} {page})");
            let last: String = sqlx::query_scalar(AssertSqlSafe(last)).fetch_one(&mut *connection).await?;
            let copied = briefly(connection, format!("insert into {to} select * {page}")).await?;
            if copied == 0 {
                break;
            }
            done += copied;
            after = format!("where {key} > {last}");
        }
    }
    let (from, to) = (Shelf::Scratch.table(parked::TABLE), Shelf::Next.table(parked::TABLE));
    run(connection, format!("insert into {to} select * from {from}")).await.map(drop)
}

/// Runs a statement that writes, and lets others write for a third of the time that it took: who waits for SQLite's lock only
/// looks for it now and then.
async fn briefly(connection: &mut SqliteConnection, sql: String) -> Result<u64, sqlx::Error> {
    let start = Instant::now();
    let written = run(connection, sql).await?;
    sleep(start.elapsed() / 3).await;
    Ok(written)
}

/// Name and text of the things of one kind that belong to a table, without those that SQLite makes of itself.
async fn definitions(
    connection: &mut SqliteConnection,
    kind: &str,
    table: &str,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    const SQL: &str = "select name, sql from main.sqlite_master \
         where type = ? and tbl_name = ? and sql is not null order by name";
    sqlx::query_as(SQL).bind(kind).bind(table).fetch_all(connection).await
}

/// A definition without the name of what it defines.
fn shape(sql: &str) -> &str {
    sql.find('(').and_then(|start| sql.get(start..)).unwrap_or_default()
}

/// The shapes of all tables and indexes of a shelf, by the names that they have where they are live.
async fn shapes(
    connection: &mut SqliteConnection,
    shelf: Shelf,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let mut shapes = BTreeMap::new();
    for table in TABLES {
        for kind in ["table", "index"] {
            let found = definitions(connection, kind, &shelf.name(table)).await?;
            shapes.extend(
                found.iter().map(|(name, sql)| (shelf.plain(name).to_owned(), shape(sql).to_owned())),
            );
        }
    }
    Ok(shapes)
}

async fn run(connection: &mut SqliteConnection, sql: String) -> Result<u64, sqlx::Error> {
    let statement = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    Ok(statement.execute(connection).await?.rows_affected())
}
