//! What came of all commands, by kind, and how that is told.

use std::collections::BTreeMap;
use std::fmt;

/// In the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Sent,
    Acknowledged,
    /// Answered 503.
    Refused,
    /// Not answered, or 503: whether it was done is for the test to find out.
    Unknown,
    FoundDone,
    FoundNotDone,
}

const FATES: [(Fate, &str); 6] = [
    (Fate::Sent, "sent"),
    (Fate::Acknowledged, "acknowledged"),
    (Fate::Refused, "of which 503"),
    (Fate::Unknown, "unknown"),
    (Fate::FoundDone, "found done"),
    (Fate::FoundNotDone, "found not done"),
];

#[derive(Debug, Clone, Default)]
pub(super) struct Tally(BTreeMap<&'static str, [usize; FATES.len()]>);

impl Tally {
    pub(super) fn count(&mut self, kind: &'static str, fate: Fate) {
        self.0.entry(kind).or_default()[fate as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (kind, counts) in &other.0 {
            let sums = self.0.entry(kind).or_default();
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }

    pub(super) fn total(&self, fate: Fate) -> usize {
        self.0.values().map(|counts| counts[fate as usize]).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = FATES.map(|(fate, _)| self.total(fate));
        write!(f, "{:18}", "")?;
        for (_, name) in FATES {
            write!(f, "{name:>15}")?;
        }
        for (kind, counts) in self.0.iter().chain([(&"together", &total)]) {
            write!(f, "\n{kind:18}")?;
            for count in counts {
                write!(f, "{count:>15}")?;
            }
        }
        Ok(())
    }
}
