//! Puts other tables in the place of the live ones, in one transaction: they have caught up with the live ones before, but
//! for a few events, and the projectors, who hold their places in memory, go on as if nothing had happened.

use store::{
    Journal, clock,
    postgres::may_pass,
    views::{Connection, Statement, Statements},
};

use super::{
    RebuildError,
    page::{AtHand, Page, Reach},
    tables,
};
use crate::shelf::{Places, Shelf};

/// How many events are taken before others may write.
const PAGE: u32 = 500;
/// How often the switch is tried again when others are in its way; each time it waits for them for some seconds.
const AGAIN: usize = 20;
/// How many events are taken, at most, while the projectors wait for the switch.
const CLOSE: u32 = 200;

/// Makes the tables of a shelf the live ones, and those that were live the ones before.
pub(super) async fn go_live(
    journal: &Journal,
    connection: &mut Connection,
    shelf: Shelf,
) -> Result<(), RebuildError> {
    let mut left = AGAIN;
    loop {
        match switch(journal, connection, shelf).await {
            Ok(true) => return Ok(()),
            Ok(false) => catch_up(journal, connection, shelf).await?,
            // Somebody reads the live tables for long, a backup perhaps.
            Err(RebuildError::Views(error)) if left > 0 && may_pass(&error) => left -= 1,
            Err(error) => return Err(error),
        }
    }
}

/// Takes what the live tables have taken, in short transactions.
async fn catch_up(journal: &Journal, connection: &mut Connection, shelf: Shelf) -> Result<(), RebuildError> {
    let Reach { mut after, until } = gap(connection, shelf).await?;
    while !after.reach(until) {
        let page = Page::read(journal, Reach { after, until }, PAGE).await?;
        let mut work = connection.begin().await?;
        after = take(page, &mut work, shelf).await?;
        work.commit().await?;
    }
    Ok(())
}

/// Unless the live tables are too far ahead: answers whether they were replaced.
async fn switch(journal: &Journal, connection: &mut Connection, shelf: Shelf) -> Result<bool, RebuildError> {
    let mut work = connection.begin().await?;
    tables::hold(&mut work).await?;
    let Reach { mut after, until: live } = gap(&mut work, shelf).await?;
    if !after.reach(live) {
        let page = Page::read(journal, Reach { after, until: live }, CLOSE).await?;
        after = take(page, &mut work, shelf).await?;
    }
    if !after.reach(live) {
        return Ok(false);
    }
    for (from, to) in moves(shelf) {
        tables::rename(&mut work, from, to).await?;
    }
    Places::forget(&mut work, Shelf::Next).await?;
    live.keep(&mut work, Shelf::Before).await?;
    after.keep(&mut work, Shelf::Live).await?;
    note_time(&mut work).await?;
    work.commit().await?;
    Ok(true)
}

async fn note_time(work: &mut dyn Statements) -> Result<(), sqlx::Error> {
    const SQL: &str =
        "insert into kept_switch (one, at) values (1, $1) on conflict (one) do update set at = excluded.at";
    work.run(Statement::new(SQL, &[clock::now().0.into()])).await.map(drop)
}

/// What moves where, one after the other, for the tables of a shelf to go live. What was replaced before stays until then.
const fn moves(shelf: Shelf) -> [(Shelf, Shelf); 3] {
    match shelf {
        Shelf::Before => {
            [(Shelf::Live, Shelf::Next), (Shelf::Before, Shelf::Live), (Shelf::Next, Shelf::Before)]
        }
        built => [(Shelf::Before, Shelf::Gone), (Shelf::Live, Shelf::Before), (built, Shelf::Live)],
    }
}

/// What tables have still to take to be where the live ones are, whose shape they must have.
async fn gap(on: &mut dyn Statements, shelf: Shelf) -> Result<Reach, RebuildError> {
    if !tables::are_alike(on, shelf).await? {
        return Err(RebuildError::OtherShape);
    }
    let until = Places::of(on, Shelf::Live).await?;
    Ok(Reach { after: Places::of(on, shelf).await?, until })
}

/// Takes a page into tables, with their place.
async fn take(page: Page, work: &mut dyn Statements, shelf: Shelf) -> Result<Places, sqlx::Error> {
    let mut at_hand = AtHand::of(shelf);
    let places = page.take(&mut at_hand, work).await?;
    at_hand.save(work).await?;
    places.keep(work, shelf).await?;
    Ok(places)
}
