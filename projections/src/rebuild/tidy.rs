//! Removes what rebuilds leave beside the live models. It is personal data in clear that nothing brings up to date: it must
//! not stay for ever. To be called while no rebuild is under way.

use std::time::Duration;

use domain::Time;
use store::views::{Connection, Statement, Statements, Views};

use super::tables;
use crate::shelf::{Places, Shelf};

/// For how long after a switch there is something to go back to.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Removes what rebuilds that died left behind and, a week after a switch, what it replaced.
pub async fn tidy(views: &Views, now: Time) -> Result<(), sqlx::Error> {
    let mut connection = views.connection().await?;
    tables::remove_scratch(&mut connection).await?;
    if is_over(&mut connection, now).await? {
        let_go(&mut connection).await
    } else {
        tables::remove_left_behind(&mut connection).await
    }
}

/// Removes what could be gone back to: answers whether there was anything.
pub async fn forget(views: &Views) -> Result<bool, sqlx::Error> {
    let mut connection = views.connection().await?;
    let found = tables::are_there(&mut connection, Shelf::Before).await?;
    let_go(&mut connection).await?;
    Ok(found)
}

/// Whether the last switch was long enough ago. Of models that were replaced at a time that nobody noted, it was.
async fn is_over(on: &mut dyn Statements, now: Time) -> Result<bool, sqlx::Error> {
    let rows = on.rows(Statement::new("select at from kept_switch", &[])).await?;
    let at = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
    Ok(at.is_none_or(|at| Time(at) + KEPT <= now))
}

/// Whoever goes back finds all of it, or nothing.
async fn let_go(connection: &mut Connection) -> Result<(), sqlx::Error> {
    tables::remove_left_behind(connection).await?;
    let mut work = connection.begin().await?;
    tables::rename(&mut work, Shelf::Before, Shelf::Gone).await?;
    Places::forget(&mut work, Shelf::Before).await?;
    work.commit().await?;
    tables::remove_left_behind(connection).await
}
