//! Figures: what was reached over some rounds, and the bound beside it. Knows neither how a figure was come by nor how it
//! is shown.

use std::time::Duration;

/// The middle of some rounds, and the least and the most among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let (middle, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let median =
            if sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle - 1), at(middle)) };
        Self { median, least: at(0), most: at(last) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Of a limit that was measured in the same run.
    OfLimit,
    Times,
    Milliseconds,
    Mebibytes,
    PerSecond,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    /// How far `value` is on the good side: 1 is just there, 2 twice as good.
    pub(crate) fn margin(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(bound) => value / bound,
            Self::AtMost(bound) => bound / value,
        }
    }
}

/// One line of a table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) reached: Spread,
    pub(crate) unit: Unit,
    pub(crate) bound: Option<Bound>,
    pub(crate) aim: Option<f64>,
    /// What was measured, in words, and what took how much of the machine.
    pub(crate) detail: String,
}

impl Line {
    pub(crate) fn new(what: impl Into<String>, unit: Unit, rounds: &[f64]) -> Self {
        let reached = Spread::of(rounds);
        Self { what: what.into(), reached, unit, bound: None, aim: None, detail: String::new() }
    }

    pub(crate) fn at_least(mut self, bound: f64) -> Self {
        self.bound = Some(Bound::AtLeast(bound));
        self
    }

    pub(crate) fn at_most(mut self, bound: f64) -> Self {
        self.bound = Some(Bound::AtMost(bound));
        self
    }

    pub(crate) fn aim(mut self, aim: f64) -> Self {
        self.aim = Some(aim);
        self
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub(crate) fn is_met(&self) -> Option<bool> {
        self.bound.map(|bound| bound.margin(self.reached.median) >= 1.0)
    }
}

/// A number as people read it, with a comma before each three digits.
pub(crate) fn grouped(number: u32) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}

/// How long answers took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    #[expect(clippy::cast_precision_loss, reason = "no measurement counts beyond 2^52")]
    pub(crate) fn count(&self) -> f64 {
        self.0.len() as f64
    }

    /// Milliseconds within which `percent` of the answers came.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}
