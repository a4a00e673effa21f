//! Rounds of a comparison: ours and its limit by turns, so that what disturbs the machine disturbs both.

use crate::{
    figures::{Line, Spread, Unit},
    load::{Load, Shares},
};

pub(crate) const ROUNDS: usize = 3;

/// How many cores others may take before a figure says so.
const IN_THE_WAY: f64 = 0.2;

/// What one side came to in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    /// A second.
    pub(crate) rate: f64,
    /// Cores that the generator and the side itself took, where it is a server.
    pub(crate) shares: Option<Shares>,
}

impl From<f64> for Side {
    fn from(rate: f64) -> Self {
        Self { rate, shares: None }
    }
}

impl<C> From<&Load<C>> for Side {
    fn from(load: &Load<C>) -> Self {
        Self { rate: load.rate, shares: Some(load.shares) }
    }
}

impl Side {
    /// Two servers that were loaded at the same time. Each took what the other one counts among others.
    pub(crate) fn both<C>(one: &Load<C>, other: &Load<C>) -> Self {
        let (first, second) = (one.shares, other.shares);
        let shares = Shares {
            generator: first.generator + second.generator,
            server: first.server + second.server,
            others: first.others - second.server - second.generator,
        };
        Self { rate: one.rate + other.rate, shares: Some(shares) }
    }
}

/// Ours beside its limit, over all rounds.
#[derive(Default)]
pub(crate) struct Rounds {
    ours: Vec<Side>,
    limit: Vec<Side>,
}

impl Rounds {
    pub(crate) fn push(&mut self, ours: impl Into<Side>, limit: impl Into<Side>) {
        self.ours.push(ours.into());
        self.limit.push(limit.into());
    }

    /// The line that tells of them: our rate as a ratio to the limit's.
    pub(crate) fn line(&self, what: &str, limit: &str) -> Line {
        Line::new(what, Unit::OfLimit, &self.ratios()).detail(self.told("ours", limit))
    }

    /// Both sides in words, under these names.
    pub(crate) fn told(&self, ours: &str, limit: &str) -> String {
        format!("{ours}: {}; {limit}: {}", told(&self.ours), told(&self.limit))
    }

    /// Ours to the limit, round by round.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.limit).map(|(ours, limit)| ours.rate / limit.rate).collect()
    }
}

fn told(sides: &[Side]) -> String {
    let rate = Spread::of(&sides.iter().map(|side| side.rate).collect::<Vec<_>>()).median;
    let shares: Vec<Shares> = sides.iter().filter_map(|side| side.shares).collect();
    let rate = if rate < 1000.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") };
    if shares.is_empty() {
        return rate;
    }
    format!("{rate} ({})", cores(&shares))
}

/// Who took how many cores; others only where they were in the way.
pub(crate) fn cores(shares: &[Shares]) -> String {
    let median = |of: fn(&Shares) -> f64| Spread::of(&shares.iter().map(of).collect::<Vec<_>>()).median;
    let (server, generator) = (median(|shares| shares.server), median(|shares| shares.generator));
    let others = median(|shares| shares.others);
    let others = if others < IN_THE_WAY { String::new() } else { format!(", others {others:.2}") };
    format!("server {server:.2} cores, generator {generator:.2}{others}")
}
