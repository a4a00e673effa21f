//! What is kept of failed logins to one existing account: every one of the first few in an hour, then only a
//! growing count, so that an attacker can't lengthen the log at will.

use serde::{Deserialize, Serialize};

use crate::{Aggregate, Time};

/// The failures of one hour that are recorded one by one; after these, each doubling is.
pub const RECORDED_ONE_BY_ONE: u32 = 10;

/// The last failures recorded for one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoginRecord {
    hour: i64,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A wrong password was given; it is the `count`th of the hour that `at` falls into.
    RecordFailure { at: Time, count: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "login.failed.v1")]
    LoginFailed { at: Time, count: u32 },
}

/// Recording a failure is never refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {}

impl Aggregate for LoginRecord {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        let Command::RecordFailure { at, count } = command;
        // A node whose clock is late counts against the newer hour: else two nodes on either side of the hour would
        // set each other's count back with every failure.
        let recorded = if hour_of(at) > self.hour { 0 } else { self.count };
        let worth_it =
            count > recorded && (count <= RECORDED_ONE_BY_ONE || count >= recorded.saturating_mul(2));
        Ok(if worth_it { vec![Event::LoginFailed { at, count }] } else { vec![] })
    }

    fn evolve(self, event: &Event) -> Self {
        let Event::LoginFailed { at, count } = event;
        Self { hour: self.hour.max(hour_of(*at)), count: *count }
    }
}

const fn hour_of(at: Time) -> i64 {
    at.seconds().div_euclid(3600)
}

#[cfg(test)]
mod tests;
