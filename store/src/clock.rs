//! The one place that says what time it is.

use domain::Time;

/// Now, in UTC, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}
