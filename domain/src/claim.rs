//! Who holds a name. An index, not history: it counts only while the holder's own state names the reservation.

#[cfg(test)]
mod model;
mod plan;

pub use plan::{Found, Plan, Seen, Terms, UNDER_WAY, Write, released};

use serde::{Deserialize, Serialize};

use crate::{Aggregate, ReservationId, Time, UserId};

/// Whether one name, in its canonical form, is held, and by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Claim {
    #[default]
    Free,
    Held(Holding),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holding {
    pub holder: UserId,
    pub reservation: ReservationId,
    pub at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Claim(Holding),
    /// Puts `next` in the place of a holding that was found not to count any longer.
    TakeOver {
        from: ReservationId,
        next: Holding,
    },
    Release(ReservationId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "claim.claimed.v1")]
    Claimed(Holding),
    #[serde(rename = "claim.released.v1")]
    Released { reservation: ReservationId },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the name is held")]
    Held,
}

impl Aggregate for Claim {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Free, Command::Claim(next) | Command::TakeOver { next, .. }) => {
                Ok(vec![Event::Claimed(next)])
            }
            (Self::Held(held), Command::Claim(next)) if *held == next => Ok(vec![]),
            (Self::Held(held), Command::TakeOver { from, next }) if held.reservation == from => {
                Ok(vec![Event::Released { reservation: from }, Event::Claimed(next)])
            }
            (Self::Held(_), Command::Claim(_) | Command::TakeOver { .. }) => Err(Error::Held),
            (Self::Held(held), Command::Release(reservation)) if held.reservation == reservation => {
                Ok(vec![Event::Released { reservation }])
            }
            (Self::Free | Self::Held(_), Command::Release(_)) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::Claimed(holding) => Self::Held(*holding),
            // One that was replaced may be released once more: that must not free what took its place.
            Event::Released { reservation } => match self {
                Self::Held(held) if held.reservation != *reservation => self,
                Self::Held(_) | Self::Free => Self::Free,
            },
        }
    }
}

#[cfg(test)]
mod tests;
