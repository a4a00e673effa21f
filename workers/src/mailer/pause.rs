//! How long to wait between two attempts at a mail: as the way it goes asks for, but not so long that a link which lives for an
//! hour gets few of them, and never at the same moment as all the others.

use std::time::Duration;

use domain::Time;
use store::random;

/// A mail is tried at least so often while it is worth sending.
const ATTEMPTS: u32 = 8;
/// By how much a pause is longer or shorter, in hundredths.
const JITTER: u64 = 20;
/// A clock that goes by a little too fast must not find the mail worth another attempt.
const AFTER_DEATH: Duration = Duration::from_millis(10);

/// From when until when a mail is worth sending.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) from: Time,
    pub(super) until: Time,
}

impl Life {
    pub(super) fn left(self, now: Time) -> Duration {
        Time::from_seconds(self.until.seconds()).since(now)
    }
}

/// How long to wait after so many attempts; at most until the mail has to be given up.
pub(super) fn pause(pauses: &[Duration], attempts: u32, life: Life, now: Time) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let asked_for = pauses.get(index).or(pauses.last()).copied().unwrap_or_default();
    let longest = life.until.since(life.from) / ATTEMPTS;
    let hundredths = 100 - JITTER + random::number() % (2 * JITTER + 1);
    let pause = asked_for.min(longest) * u32::try_from(hundredths).unwrap_or(100) / 100;
    pause.min(life.left(now) + AFTER_DEATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_mins(1), Duration::from_hours(1)];

    fn life(seconds: i64) -> Life {
        Life { from: Time(0), until: Time::from_seconds(seconds) }
    }

    /// Whether it is this long, but for the jitter.
    fn about(pause: Duration, seconds: u64) -> bool {
        (seconds * 80..=seconds * 120).contains(&(u64::try_from(pause.as_millis()).unwrap() / 10))
    }

    #[test]
    fn pauses_grow_to_the_longest_and_stay_there() {
        let long = life(72 * HOUR);
        for (attempts, seconds) in [(1, 1), (2, 60), (3, 3600), (4, 3600), (u32::MAX, 3600)] {
            for _ in 0..100 {
                let pause = pause(&PAUSES, attempts, long, Time(0));
                assert!(about(pause, seconds), "{attempts}: {pause:?}");
            }
        }
    }

    #[test]
    fn not_all_wait_equally_long() {
        let pauses: Vec<Duration> = (0..100).map(|_| pause(&PAUSES, 3, life(72 * HOUR), Time(0))).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }

    #[test]
    fn a_link_that_lives_for_an_hour_is_tried_more_often() {
        assert!(about(pause(&PAUSES, 3, life(HOUR), Time(0)), 450));
    }

    #[test]
    fn the_last_pause_ends_when_the_mail_must_be_given_up() {
        let (life, now) = (life(72 * HOUR), Time::from_seconds(72 * HOUR - 5));
        let end = now + pause(&PAUSES, 9, life, now);
        assert!(life.until <= end && life.until > Time(end.0 - 20_000));
        assert_eq!(life.left(Time::from_seconds(80 * HOUR)), Duration::ZERO);
    }
}
