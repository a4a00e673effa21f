//! The one place that says what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const TICKS_PER_SECOND: u64 = 10_000_000;

/// In ticks of 100 ns since 1970, as the protocol counts.
pub(crate) fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a server of its own, with a clock of its own")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos() / 100).unwrap_or(u64::MAX)
}
