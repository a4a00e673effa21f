//! Builds both read models on the scratch in one pass over the log: one task reads ahead, several unseal, and rows are
//! changed in memory and written many at a time. What is held in memory does not grow with the log.

use store::{Journal, Position, StoreError, views::Connection};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Progress, RebuildError, Step,
    page::{AtHand, Page, Reach, Stretch},
};
use crate::shelf::{Places, Shelf};

/// How many events are read, unsealed and taken together.
const PAGE: u32 = 2000;
/// How many pages may be on their way from the log to the rows.
const AHEAD: usize = 4;
/// How many aggregates may be at hand before their rows are written.
const AT_HAND: usize = 50_000;

/// The models on the scratch, as far as they were built.
pub(super) struct Build<'a> {
    journal: &'a Journal,
    at_hand: AtHand,
    pub(super) places: Places,
    /// How many events of the log that took.
    pub(super) events: u64,
}

type Unsealing = JoinHandle<Result<Page, StoreError>>;

impl<'a> Build<'a> {
    pub(super) fn new(journal: &'a Journal) -> Self {
        let places = Places::both(Position::BEGINNING);
        Self { journal, at_hand: AtHand::of(Shelf::Scratch), places, events: 0 }
    }

    /// Builds on until each model is exactly where it is asked to be; one that is further stays there.
    pub(super) async fn up_to(
        &mut self,
        until: Places,
        connection: &mut Connection,
        progress: Progress<'_>,
    ) -> Result<(), RebuildError> {
        let until = until.max(self.places);
        let reach = Reach { after: self.places, until };
        let (fill, mut pages) = mpsc::channel(AHEAD);
        let reader = tokio::spawn(read_ahead(self.journal.clone(), reach, fill));
        while let Some(page) = pages.recv().await {
            progress(Step::Reading { done: self.places.last().0, of: until.last().0 });
            let page = page.await??;
            self.events += page.news();
            self.places = page.take(&mut self.at_hand, connection).await?;
            if self.at_hand.len() > AT_HAND {
                self.put_away(connection).await?;
            }
        }
        reader.await??;
        self.put_away(connection).await?;
        self.places = until;
        progress(Step::Reading { done: until.last().0, of: until.last().0 });
        Ok(())
    }

    async fn put_away(&mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        let mut work = connection.begin().await?;
        self.at_hand.save(&mut work).await?;
        work.commit().await
    }
}

/// Reads page after page and has each unsealed, in a task of its own, while the next one is read.
async fn read_ahead(
    journal: Journal,
    reach: Reach,
    pages: mpsc::Sender<Unsealing>,
) -> Result<(), StoreError> {
    let mut place = reach.after.first();
    while place < reach.until.last() {
        let next = Stretch::read(&journal, place, reach.until.last(), PAGE).await?;
        place = next.end;
        let journal = journal.clone();
        let page = tokio::spawn(async move { Page::unseal(&journal, reach, next).await });
        if pages.send(page).await.is_err() {
            break;
        }
    }
    Ok(())
}
