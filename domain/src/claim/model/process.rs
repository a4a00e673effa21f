//! One process that carries out orders on a log which appends to one stream at a time: reads, plans, writes, and after a
//! conflict gives back and starts over. What `Accounts` in `api` and the appending in `store` do, step by step.

use super::{
    Cell, Flaw, Name, Place,
    order::{Attempt, Order, Stop},
};
use crate::{
    ReservationId, Time,
    claim::{Seen, Write, released},
};

/// How often an order is tried. After that it comes to nothing.
const ATTEMPTS: u32 = 3;

/// A process between two of its steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) number: u32,
    /// The order under way, and those after it.
    pub(super) orders: Vec<Order>,
    attempt: u32,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Reading {
        since: Option<Time>,
        heard: Vec<Cell>,
    },
    Writing(Writing),
    /// Gives back what was claimed, each by a look and then a write.
    Freeing {
        claimed: Vec<(Name, ReservationId)>,
        release: Option<Write<Name>>,
    },
    Over(End),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Writing {
    /// What is left to write up to the user's event, and after it.
    writes: Vec<Write<Name>>,
    afterwards: Vec<Write<Name>>,
    claimed: Vec<(Name, ReservationId)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    Acknowledged,
    Taken,
    Refused,
    TriedTooOften,
    Dead,
}

/// What one step came to.
#[derive(Debug, Clone)]
pub(super) struct Stepped {
    pub(super) process: Process,
    /// What its stream holds now; none where it read only, or was in conflict.
    pub(super) written: Option<Cell>,
    /// The order that was carried out by this step, if one was.
    pub(super) done: Option<Order>,
}

impl Process {
    pub(super) fn new(number: u32, orders: &[Order]) -> Self {
        let stage = Stage::Reading { since: None, heard: vec![] };
        Self { number, orders: orders.to_vec(), attempt: 1, stage }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {:?}", self.number, self.orders.first())
    }

    pub(super) fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Writing(_) | Stage::Freeing { release: Some(_), .. })
    }

    /// What the next step is to do.
    pub(super) fn intent(&self) -> String {
        match (&self.stage, self.next()) {
            (Stage::Writing(writing), Some(place)) => {
                format!("writes {} to {place:?}", writing.next().map(kinds).unwrap_or_default())
            }
            (Stage::Freeing { release: Some(_), .. }, Some(place)) => format!("gives back {place:?}"),
            (_, Some(place)) => format!("reads {place:?}"),
            (_, None) => String::new(),
        }
    }

    pub(super) fn over(self, end: End) -> Self {
        Self { orders: vec![], attempt: 0, stage: Stage::Over(end), ..self }
    }

    /// The stream that the next step reads or writes; none when there is no next step.
    pub(super) fn next(&self) -> Option<Place> {
        match &self.stage {
            Stage::Reading { since, heard } => match self.plan(since.unwrap_or_default(), heard) {
                Err(Stop::ToRead(place)) => Some(place),
                _ => None,
            },
            Stage::Writing(writing) => writing.next().map(place),
            Stage::Freeing { claimed, .. } => claimed.first().map(|(name, _)| Place::Claim(name)),
            Stage::Over(_) => None,
        }
    }

    /// Every pk that the process may draw.
    pub(super) fn draws(&self) -> Vec<u32> {
        (1..=ATTEMPTS).map(|attempt| Self { attempt, ..self.clone() }.draw()).collect()
    }

    fn draw(&self) -> u32 {
        let left = u32::try_from(self.orders.len()).unwrap();
        (self.number * 10 + left) * 10 + self.attempt
    }

    fn plan(&self, at: Time, heard: &[Cell]) -> Result<crate::claim::Plan<Name>, Stop> {
        self.orders[0].plan(Attempt { draw: self.draw(), at, heard })
    }

    /// Takes a step; `found` is what the stream holds that it touches.
    pub(super) fn step(self, found: &Cell, now: Time, flaw: Flaw) -> Stepped {
        match self.stage.clone() {
            Stage::Reading { since, mut heard } => {
                heard.push(found.clone());
                self.having_read(since.unwrap_or(now), heard, flaw)
            }
            Stage::Writing(writing) => self.write(writing, found, flaw),
            Stage::Freeing { claimed, release } => self.free(claimed, release, found),
            Stage::Over(_) => panic!("a process that is over takes no step"),
        }
    }

    fn having_read(self, at: Time, heard: Vec<Cell>, flaw: Flaw) -> Stepped {
        let order = self.orders[0];
        match self.plan(at, &heard) {
            Err(Stop::ToRead(_)) => self.at(Stage::Reading { since: Some(at), heard }).having(None),
            Err(Stop::Taken) => self.over(End::Taken).having(None),
            Err(Stop::Refused) => self.over(End::Refused).having(None),
            Ok(plan) if plan.writes().is_empty() => {
                assert!(plan.user().is_some_and(|user| order.is_done(user)), "nothing was left to do");
                self.acknowledged().having(None)
            }
            Ok(plan) => {
                let (writes, afterwards) = flaw.spoil(plan.writes().to_vec(), plan.afterwards().to_vec());
                let writing = Writing { writes, afterwards, claimed: plan.claimed().to_vec() };
                self.at(Stage::Writing(writing)).having(None)
            }
        }
    }

    fn write(self, mut writing: Writing, found: &Cell, flaw: Flaw) -> Stepped {
        let before = !writing.writes.is_empty();
        let left = if before { &mut writing.writes } else { &mut writing.afterwards };
        let write = left.remove(0);
        let written = found.with(&write);
        if before && written.is_none() {
            if flaw == Flaw::CommitsAgain && writing.writes.is_empty() {
                writing.writes.push(at_version(write, found.version()));
                return self.at(Stage::Writing(writing)).having(None);
            }
            return self.free_next(writing.claimed).having(None);
        }
        let done = (before && writing.writes.is_empty()).then_some(self.orders[0]);
        let is_last = writing.next().is_none();
        let process = if is_last { self.acknowledged() } else { self.at(Stage::Writing(writing)) };
        Stepped { done, ..process.having(written) }
    }

    fn free(
        self,
        mut claimed: Vec<(Name, ReservationId)>,
        release: Option<Write<Name>>,
        found: &Cell,
    ) -> Stepped {
        if let Some(write) = release {
            claimed.remove(0);
            return self.free_next(claimed).having(found.with(&write));
        }
        let (name, reservation) = claimed[0];
        let Cell::Claim(seen) = found else { panic!("a name is no user") };
        let release = released(name, *seen, reservation);
        if release.is_none() {
            claimed.remove(0);
            return self.free_next(claimed).having(None);
        }
        self.at(Stage::Freeing { claimed, release }).having(None)
    }

    /// Goes on to give back, or starts over.
    fn free_next(mut self, claimed: Vec<(Name, ReservationId)>) -> Self {
        if !claimed.is_empty() {
            return self.at(Stage::Freeing { claimed, release: None });
        }
        if self.attempt == ATTEMPTS {
            return self.over(End::TriedTooOften);
        }
        self.attempt += 1;
        self.at(Stage::Reading { since: None, heard: vec![] })
    }

    fn acknowledged(mut self) -> Self {
        self.orders.remove(0);
        if self.orders.is_empty() {
            return self.over(End::Acknowledged);
        }
        Self { attempt: 1, ..self.at(Stage::Reading { since: None, heard: vec![] }) }
    }

    fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    fn having(self, written: Option<Cell>) -> Stepped {
        Stepped { process: self, written, done: None }
    }
}

impl Writing {
    fn next(&self) -> Option<&Write<Name>> {
        self.writes.first().or(self.afterwards.first())
    }
}

impl Cell {
    pub(super) fn version(&self) -> u64 {
        match self {
            Self::Claim(seen) => seen.version,
            Self::User(seen) => seen.version,
        }
    }

    /// What the stream holds after a write; none if the write is in conflict.
    fn with(&self, write: &Write<Name>) -> Option<Self> {
        match (self, write) {
            (Self::Claim(seen), Write::Claim { expected, events, .. }) => {
                seen.with(*expected, events).map(Self::Claim)
            }
            (Self::User(seen), Write::User { expected, events, .. }) => {
                seen.with(*expected, events).map(Self::User)
            }
            (found, write) => panic!("{write:?} does not go to {found:?}"),
        }
    }
}

impl<A: crate::Aggregate> Seen<A> {
    fn with(&self, expected: u64, events: &[A::Event]) -> Option<Self> {
        let state = events.iter().fold(self.state.clone(), A::evolve);
        let version = self.version + u64::try_from(events.len()).unwrap();
        (self.version == expected).then_some(Self { state, version })
    }
}

pub(super) fn place(write: &Write<Name>) -> Place {
    match write {
        Write::User { user, .. } => Place::User(*user),
        Write::Claim { name, .. } => Place::Claim(name),
    }
}

fn at_version(write: Write<Name>, expected: u64) -> Write<Name> {
    match write {
        Write::User { user, events, .. } => Write::User { user, expected, events },
        Write::Claim { name, events, .. } => Write::Claim { name, expected, events },
    }
}

impl Flaw {
    /// What a flawed process writes in the place of what was planned.
    fn spoil(
        self,
        mut writes: Vec<Write<Name>>,
        mut afterwards: Vec<Write<Name>>,
    ) -> (Vec<Write<Name>>, Vec<Write<Name>>) {
        let event = writes.last().map(place);
        match self {
            Self::None | Self::CommitsAgain => {}
            Self::Unfenced => {
                writes.retain(|write| matches!(write, Write::Claim { .. }) || Some(place(write)) == event);
            }
            Self::UnfencedFromHimself => writes = without_fence(writes),
            Self::ReleasesFirst => {
                let last = writes.len() - 1;
                writes.splice(last..last, afterwards.drain(..));
            }
            Self::CommitsFirst => writes.rotate_right(1),
        }
        (writes, afterwards)
    }
}

/// Without those writes to the stream of the user himself that come before his event.
fn without_fence(writes: Vec<Write<Name>>) -> Vec<Write<Name>> {
    let Some(Write::User { user, .. }) = writes.last().cloned() else { panic!("an order ends in an event") };
    let (own, mut others): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| place(write) == Place::User(user));
    let Some(Write::User { expected, .. }) = own.first() else { panic!("an order ends in an event") };
    let expected = *expected;
    others.extend(own.last().cloned().map(|event| at_version(event, expected)));
    others
}

/// The stored types of what is written.
fn kinds(write: &Write<Name>) -> String {
    let events = match write {
        Write::User { events, .. } => serde_json::to_value(events),
        Write::Claim { events, .. } => serde_json::to_value(events),
    };
    let events = events.expect("every event can be stored");
    let kinds = events.as_array().into_iter().flatten().filter_map(|event| event["type"].as_str());
    kinds.collect::<Vec<_>>().join(", ")
}
