//! What an order writes that takes names or gives some back: claims, each behind its fence, then the user's event, then
//! what becomes free. So a crash between any two writes harms nobody. Knows no log: what was read comes in.

use std::{collections::BTreeMap, mem, time::Duration};

use super::{Claim, Command, Error, Event, Holding};
use crate::{
    Aggregate, ReservationId, Time, User, UserId,
    user::{self, Command as UserCommand},
};

/// How old a claim must be before it is taken for one that was left behind, and not for one that is under way.
pub const UNDER_WAY: Duration = Duration::from_mins(1);

/// An aggregate as an order saw it, at the version that its writes expect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Seen<A> {
    pub state: A,
    pub version: u64,
}

/// A name as an order found it. `name` is how the caller calls it; the holder is whom the claim names, if any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Found<N> {
    pub name: N,
    pub claim: Seen<Claim>,
    pub holder: Option<Seen<User>>,
}

/// When names are taken, and how long an unverified address is safe from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub at: Time,
    pub verify_ttl: Duration,
}

/// Events for one stream, and how many it must hold before them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Write<N> {
    User { user: UserId, expected: u64, events: Vec<user::Event> },
    Claim { name: N, expected: u64, events: Vec<Event> },
}

/// The writes of one attempt at an order of one user. All that it rests on is read before the first is written; after a
/// conflict, what it claimed is given back, and another plan is made of what is then read.
///
/// No two users come to hold one name, whoever dies and whoever is slow: an event that names a reservation expects a
/// version of its user from before the name was claimed. Whoever takes the claim over has written to the user's stream
/// before, so that the event conflicts; or finds the event there, and the claim counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan<N> {
    user: UserId,
    users: BTreeMap<UserId, Seen<User>>,
    writes: Vec<Write<N>>,
    afterwards: Vec<Write<N>>,
    claimed: Vec<(N, ReservationId)>,
}

impl<N: Clone> Plan<N> {
    /// An order of this user, who may not be born yet.
    pub fn of(user: UserId, seen: Seen<User>) -> Self {
        Self {
            user,
            users: BTreeMap::from([(user, seen)]),
            writes: vec![],
            afterwards: vec![],
            claimed: vec![],
        }
    }

    /// Takes a name under a reservation that was never used; refused if someone holds the name by right, or may be
    /// about to.
    pub fn take(&mut self, found: Found<N>, reservation: ReservationId, terms: Terms) -> Result<(), Error> {
        let Found { name, claim, holder } = found;
        let next = Holding { holder: self.user, reservation, at: terms.at };
        let command = match (claim.state, holder) {
            (Claim::Free, _) => Command::Claim(next),
            (Claim::Held(_), None) => return Err(Error::Held),
            (Claim::Held(held), Some(holder)) => {
                self.fence(held, holder, terms)?;
                Command::TakeOver { from: held.reservation, next }
            }
        };
        let events = claim.state.decide(command)?;
        self.claimed.push((name.clone(), reservation));
        self.writes.push(Write::Claim { name, expected: claim.version, events });
        Ok(())
    }

    /// Frees a name that was left behind, for nobody, as if he took it over: behind the same fence, and refused where its claim
    /// counts or may be about to. Writes nothing where the name is free.
    pub fn freeing(found: Found<N>, at: Time) -> Result<Self, Error> {
        let mut plan = Self::of(UserId::NOBODY, Seen::default());
        if let Claim::Held(held) = found.claim.state {
            // Who has not verified his address keeps it until somebody wants it.
            let terms = Terms { at, verify_ttl: Duration::MAX };
            plan.fence(held, found.holder.ok_or(Error::Held)?, terms)?;
            plan.writes.extend(released(found.name, found.claim, held.reservation));
        }
        Ok(plan)
    }

    /// Writes to the holder's stream what makes sure that he never comes to name the reservation. The user whose order
    /// this is does so to himself: another order of his may be under way.
    fn fence(&mut self, held: Holding, holder: Seen<User>, terms: Terms) -> Result<(), Error> {
        let Terms { at, verify_ttl } = terms;
        let own = held.holder == self.user;
        let left_behind = at.since(held.at) >= UNDER_WAY;
        let holder = self.users.entry(held.holder).or_insert(holder);
        let named = holder.state.account().is_some_and(|account| account.names_reservation(held.reservation));
        let may_go = if own { !named } else { named || left_behind };
        let command = match &holder.state {
            User::Abandoned => return Ok(()),
            User::Unborn if left_behind => UserCommand::AbandonRegistration { at },
            User::Registered(_) if may_go => {
                UserCommand::AbandonClaim { reservation: held.reservation, verify_ttl, at }
            }
            User::Unborn | User::Registered(_) => return Err(Error::Held),
        };
        self.write(held.holder, command).map_err(|_| Error::Held).map(drop)
    }

    /// The user's own event, with which the order is carried out. It comes after all that it takes, and answers nothing
    /// where there is nothing to record.
    pub fn commit(&mut self, command: UserCommand) -> Result<Vec<user::Event>, user::Error> {
        self.write(self.user, command)
    }

    fn write(&mut self, user: UserId, command: UserCommand) -> Result<Vec<user::Event>, user::Error> {
        let seen = self.users.entry(user).or_default();
        let events = seen.state.decide(command)?;
        if !events.is_empty() {
            self.writes.push(Write::User { user, expected: seen.version, events: events.clone() });
        }
        seen.version += u64::try_from(events.len()).unwrap_or(u64::MAX);
        seen.state = events.iter().fold(mem::take(&mut seen.state), User::evolve);
        Ok(events)
    }

    /// Gives a name back, if this reservation still holds it: one that the user's event names no longer.
    pub fn release(&mut self, name: N, claim: Seen<Claim>, reservation: ReservationId) {
        self.afterwards.extend(released(name, claim, reservation));
    }

    /// The user as the order leaves him.
    pub fn user(&self) -> Option<&User> {
        self.users.get(&self.user).map(|seen| &seen.state)
    }

    /// What must be written in this order and no further than to the first conflict: the last of it is the user's event.
    pub fn writes(&self) -> &[Write<N>] {
        &self.writes
    }

    /// What may be written once the order is carried out. A conflict there means that someone else has seen to it.
    pub fn afterwards(&self) -> &[Write<N>] {
        &self.afterwards
    }

    /// What to give back if the order comes to nothing.
    pub fn claimed(&self) -> &[(N, ReservationId)] {
        &self.claimed
    }
}

/// What gives a name back; nothing if the reservation does not hold it.
pub fn released<N>(name: N, claim: Seen<Claim>, reservation: ReservationId) -> Option<Write<N>> {
    let events = claim.state.decide(Command::Release(reservation)).unwrap_or_default();
    (!events.is_empty()).then_some(Write::Claim { name, expected: claim.version, events })
}

#[cfg(test)]
mod tests;
