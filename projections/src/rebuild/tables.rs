//! Makes, fills, compares, renames and removes all tables of a shelf. However many rows there are, others never wait long for a
//! turn to write.

use store::views::{Cell, Engine, Statement, Statements, Work};
use tokio::time::{Instant, sleep};

use super::{Progress, Step, schema::schema};
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

/// Makes empty tables.
pub(super) async fn make(on: &mut dyn Statements, shelf: Shelf) -> Result<(), sqlx::Error> {
    let schema = schema(on);
    for table in TABLES {
        schema.make(on, table, shelf).await?;
    }
    Ok(())
}

/// Whether there are whole tables.
pub(super) async fn are_there(on: &mut dyn Statements, shelf: Shelf) -> Result<bool, sqlx::Error> {
    let schema = schema(on);
    schema.is_there(on, parked::TABLE, shelf).await
}

/// Whether tables have the shape of the live ones: the same columns and indexes, in the same words.
pub(super) async fn are_alike(on: &mut dyn Statements, shelf: Shelf) -> Result<bool, sqlx::Error> {
    let schema = schema(on);
    for table in TABLES {
        if schema.shape(on, table, shelf).await? != schema.shape(on, table, Shelf::Live).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lets nobody else write to the live tables until the transaction ends. In the order in which a projector asks for them, so that of
/// two neither waits for what the other one holds.
pub(crate) async fn hold(on: &mut dyn Statements) -> Result<(), sqlx::Error> {
    let schema = schema(on);
    schema.hold(on, &[parked::TABLE, UserRow::NAME, SessionRow::NAME]).await
}

/// Moves tables, or what there is of them, with what is in them, to a shelf on which there are none.
pub(super) async fn rename(on: &mut dyn Statements, from: Shelf, to: Shelf) -> Result<(), sqlx::Error> {
    let schema = schema(on);
    for table in TABLES {
        if schema.is_there(on, table, from).await? {
            schema.rename(on, table, (from, to)).await?;
        }
    }
    Ok(())
}

/// Empties the live tables and removes all others, so that they can be made from another log.
pub async fn start_over(work: &mut Work<'static>) -> Result<(), sqlx::Error> {
    let engine = work.engine();
    for table in TABLES {
        let empty = if engine == Engine::Sqlite { "delete from" } else { "truncate" };
        run(work, format!("{empty} {}", Shelf::Live.table(engine, table))).await?;
        for shelf in [Shelf::Next, Shelf::Before, Shelf::Gone] {
            run(work, format!("drop table if exists {}", shelf.table(engine, table))).await?;
        }
    }
    Ok(())
}

/// Removes what nobody goes back to, whole or not: what a rebuild that died has built, and what was replaced twice.
pub(super) async fn remove_left_behind(on: &mut dyn Statements) -> Result<(), sqlx::Error> {
    for shelf in [Shelf::Next, Shelf::Gone] {
        remove(on, shelf).await?;
    }
    Ok(())
}

/// Removes what was built on the scratch, where it does not end with the connection.
pub(super) async fn remove_scratch(on: &mut dyn Statements) -> Result<(), sqlx::Error> {
    match on.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => remove(on, Shelf::Scratch).await,
    }
}

/// Removes tables, or what there is of them, and overwrites what was in them where that can be done.
async fn remove(on: &mut dyn Statements, shelf: Shelf) -> Result<(), sqlx::Error> {
    let (schema, engine) = (schema(on), on.engine());
    if engine == Engine::Sqlite {
        run(on, "pragma main.secure_delete = on".to_owned()).await?;
    }
    run(on, format!("drop table if exists {}", shelf.table(engine, parked::TABLE))).await?;
    Places::forget(on, shelf).await?;
    for (model, key) in MODELS {
        let table = shelf.table(engine, model);
        if engine == Engine::Sqlite && schema.is_there(on, model, shelf).await? {
            empty(on, &table, key).await?;
        }
        run(on, format!("drop table if exists {table}")).await?;
    }
    Ok(())
}

/// Removes all rows in steps: where one writes at a time, to drop a large table would keep all others waiting.
async fn empty(on: &mut dyn Statements, table: &str, key: &str) -> Result<(), sqlx::Error> {
    let some =
        format!("delete from {table} where {key} in (select {key} from {table} order by {key} limit {STEP})");
    while briefly(on, some.clone(), &[]).await? > 0 {}
    Ok(())
}

/// Copies the tables of the scratch to those that become live.
pub(super) async fn copy(
    on: &mut dyn Statements,
    rows: u64,
    progress: Progress<'_>,
) -> Result<(), sqlx::Error> {
    let (engine, mut done) = (on.engine(), 0);
    for (model, key) in MODELS {
        let (from, to) = (Shelf::Scratch.table(engine, model), Shelf::Next.table(engine, model));
        let (mut after, mut last) = (String::new(), Vec::new());
        loop {
            progress(Step::Copying { done, of: rows });
            let page = format!("from {from} {after} order by {key} limit {STEP}");
            let end =
                end_of(on, format!("select max({key}) from (select {key} {page}) as page"), &last).await?;
            if end == Cell::Null {
                break;
            }
            done += briefly(on, format!("insert into {to} select * {page}"), &last).await?;
            (after, last) = (format!("where {key} > $1"), vec![end]);
        }
    }
    let (from, to) = (Shelf::Scratch.table(engine, parked::TABLE), Shelf::Next.table(engine, parked::TABLE));
    run(on, format!("insert into {to} select * from {from}")).await.map(drop)
}

/// Runs a statement that writes, and lets others write for a third of the time that it took: who waits for SQLite's lock only
/// looks for it now and then.
async fn briefly(on: &mut dyn Statements, sql: String, values: &[Cell]) -> Result<u64, sqlx::Error> {
    let start = Instant::now();
    let written = on.run(Statement::once(sql, values)).await?;
    sleep(start.elapsed() / 3).await;
    Ok(written)
}

async fn end_of(on: &mut dyn Statements, sql: String, values: &[Cell]) -> Result<Cell, sqlx::Error> {
    let rows = on.rows(Statement::once(sql, values)).await?;
    Ok(rows.into_iter().next().and_then(|mut row| row.next()).unwrap_or(Cell::Null))
}

async fn run(on: &mut dyn Statements, sql: String) -> Result<u64, sqlx::Error> {
    on.run(Statement::once(sql, &[])).await
}
