//! The one place that says what time it is, and how a moment is written for machines.

use domain::Time;

/// Now, in UTC, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}

/// A moment in UTC as text (RFC 3339), as exact as it is; empty beyond the year 9999.
pub fn rfc3339(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.0).map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_to_its_last_digit_and_no_further() {
        assert_eq!(rfc3339(Time(1_795_529_985_999_999)), "2026-11-24T14:19:45.999999Z");
        assert_eq!(rfc3339(Time(1_795_529_985_500_000)), "2026-11-24T14:19:45.5Z");
        assert_eq!(rfc3339(Time(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(Time(i64::MAX)), "");
    }
}
