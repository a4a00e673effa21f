//! Some events in a row, unsealed for both models, and which of them each model has still to take.

use domain::{Session, User};
use store::{Journal, Position, Recorded, StoreError, views::Statements};

use crate::{
    ReadModel, SessionRow, UserRow,
    read_model::{Outcome, of_model},
    rows::Rows,
    shelf::{Places, Shelf},
};

/// Which events are to be taken: those behind `after`, up to `until`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) after: Places,
    pub(super) until: Places,
}

/// What the models are made from, in a part of the log.
pub(super) struct Stretch {
    events: Vec<Recorded>,
    /// How far the part goes.
    pub(super) end: Position,
}

pub(super) struct Page {
    reach: Reach,
    stretch: Stretch,
    users: Vec<Outcome<UserRow>>,
    sessions: Vec<Outcome<SessionRow>>,
}

/// The rows of both models that are at hand.
pub(super) struct AtHand {
    users: Rows<UserRow>,
    sessions: Rows<SessionRow>,
}

impl Reach {
    fn share<M: ReadModel>(recorded: &[Recorded], (after, until): (Position, Position)) -> Vec<&Recorded> {
        let mut events = of_model::<M>(recorded);
        events.retain(|recorded| after < recorded.position && recorded.position <= until);
        events
    }

    fn of_users<'a>(&self, recorded: &'a [Recorded]) -> Vec<&'a Recorded> {
        Self::share::<UserRow>(recorded, (self.after.users, self.until.users))
    }

    fn of_sessions<'a>(&self, recorded: &'a [Recorded]) -> Vec<&'a Recorded> {
        Self::share::<SessionRow>(recorded, (self.after.sessions, self.until.sessions))
    }
}

impl Stretch {
    /// The next events of the log that either model is made from, at most `limit`. Those up to `until` must be written.
    pub(super) async fn read(
        journal: &Journal,
        after: Position,
        until: Position,
        limit: u32,
    ) -> Result<Self, StoreError> {
        let kinds = [UserRow::STREAMS, SessionRow::STREAMS];
        let events = journal.log().read_kinds(&kinds, after, limit).await?;
        let is_full = events.len() as u64 >= limit.into();
        let last = events.last().filter(|_| is_full);
        let end = last.map_or(until, |recorded| recorded.position);
        Ok(Self { events, end })
    }
}

impl Page {
    /// The next events, unsealed.
    pub(super) async fn read(journal: &Journal, reach: Reach, limit: u32) -> Result<Self, StoreError> {
        let next = Stretch::read(journal, reach.after.first(), reach.until.last(), limit).await?;
        Self::unseal(journal, reach, next).await
    }

    pub(super) async fn unseal(
        journal: &Journal,
        reach: Reach,
        stretch: Stretch,
    ) -> Result<Self, StoreError> {
        let users = journal.decode_all::<User>(&reach.of_users(&stretch.events)).await?;
        let sessions = journal.decode_all::<Session>(&reach.of_sessions(&stretch.events)).await?;
        Ok(Self { reach, stretch, users, sessions })
    }

    /// How many events it holds that neither model had come to.
    pub(super) fn news(&self) -> u64 {
        let (after, until) = (self.reach.after.last(), self.reach.until.last());
        let news = |recorded: &&Recorded| after < recorded.position && recorded.position <= until;
        self.stretch.events.iter().filter(news).count() as u64
    }

    /// Takes the events into the rows at hand, and answers where the models are then.
    pub(super) async fn take(
        self,
        at_hand: &mut AtHand,
        on: &mut dyn Statements,
    ) -> Result<Places, sqlx::Error> {
        let (Reach { after, until }, Stretch { events, end }) = (self.reach, self.stretch);
        at_hand.users.take(on, &self.reach.of_users(&events), self.users).await?;
        at_hand.sessions.take(on, &self.reach.of_sessions(&events), self.sessions).await?;
        Ok(after.max(Places { users: until.users.min(end), sessions: until.sessions.min(end) }))
    }
}

impl AtHand {
    pub(super) fn of(shelf: Shelf) -> Self {
        Self { users: Rows::of(shelf), sessions: Rows::of(shelf) }
    }

    /// How many aggregates they are.
    pub(super) fn len(&self) -> usize {
        self.users.len() + self.sessions.len()
    }

    /// Writes all of them, and has none at hand any more.
    pub(super) async fn save(&mut self, on: &mut dyn Statements) -> Result<(), sqlx::Error> {
        self.users.save(on).await?;
        self.sessions.save(on).await
    }
}
