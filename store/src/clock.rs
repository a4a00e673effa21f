//! The one place that says what time it is, and how a moment is written for machines. Where processes share a server, its clock
//! counts for all of them alike; between two looks at it each goes on by a clock that nobody sets.

use std::{
    sync::{PoisonError, RwLock},
    time::Instant,
};

use domain::Time;

/// What time the shared clock showed at a moment; none where this machine's own counts.
static SHARED: RwLock<Option<(Time, Instant)>> = RwLock::new(None);

/// Now, in UTC, to the microsecond.
pub fn now() -> Time {
    match *SHARED.read().unwrap_or_else(PoisonError::into_inner) {
        Some((time, at)) => time + at.elapsed(),
        None => own(),
    }
}

/// Goes by a shared clock from now on. It was asked for at a moment, and answered `time`.
pub(crate) fn share(time: Time, asked: Instant) {
    let shared = (within(now(), time, asked), Instant::now());
    *SHARED.write().unwrap_or_else(PoisonError::into_inner) = Some(shared);
}

/// How far the clock of this machine is from the one that counts, in microseconds; before it, if negative.
pub fn apart() -> i64 {
    own().0.saturating_sub(now().0)
}

/// A shared clock was read between the question and now, so that it shows now what it answered or up to as much more as that
/// took. A time that does not contradict it stays as it is: the clock does not wander with each look.
fn within(known: Time, answered: Time, asked: Instant) -> Time {
    known.clamp(answered, answered + asked.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn own() -> Time {
    Time(jiff::Timestamp::now().as_microsecond())
}

/// A moment in UTC as text (RFC 3339), as exact as it is; empty beyond the year 9999.
pub fn rfc3339(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.0).map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_shared_clock_moves_ours_as_far_as_it_contradicts_it() {
        let asked = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        let answered = Time::from_seconds(10_000);
        for hour in [-3600, 3600] {
            let moved = within(Time::from_seconds(10_000 + hour), answered, asked);
            assert!((10_000..=10_100).contains(&moved.seconds()), "{moved:?}");
        }
        let between = Time::from_seconds(10_001);
        assert_eq!(within(between, answered, asked), between);
    }

    #[test]
    fn a_moment_is_written_in_utc_to_its_last_digit_and_no_further() {
        assert_eq!(rfc3339(Time(1_795_529_985_999_999)), "2026-11-24T14:19:45.999999Z");
        assert_eq!(rfc3339(Time(1_795_529_985_500_000)), "2026-11-24T14:19:45.5Z");
        assert_eq!(rfc3339(Time(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(Time(i64::MAX)), "");
    }
}
