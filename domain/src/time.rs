//! A moment, as the domain counts it. Knows no clock: moments arrive in commands.

use std::{ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long ago `earlier` was; nothing if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_rounded_down_on_both_sides_of_the_epoch() {
        assert_eq!(Time(1_999_999).seconds(), 1);
        assert_eq!(Time(-1).seconds(), -1);
        assert_eq!(Time::from_seconds(-1), Time(-1_000_000));
    }

    #[test]
    fn what_lies_ahead_is_no_time_ago() {
        assert_eq!(Time(5).since(Time(3)), Duration::from_micros(2));
        assert_eq!(Time(3).since(Time(5)), Duration::ZERO);
    }

    #[test]
    fn no_moment_overflows() {
        assert_eq!(Time(1) + Duration::MAX, Time(i64::MAX));
        assert_eq!(Time::from_seconds(i64::MAX), Time(i64::MAX));
        assert_eq!(Time(i64::MIN).since(Time(i64::MAX)), Duration::ZERO);
        assert_eq!(Time(i64::MAX).since(Time(i64::MIN)), Duration::from_micros(i64::MAX.unsigned_abs()));
    }
}
