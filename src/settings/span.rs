//! Durations the way people write them: `500ms`, `2s`, `5m`, `1h`, `14d`.

use std::{fmt, time::Duration};

/// A century: more is a slip of the pen, and sums with a date would leave the calendar.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);

/// Units from the largest, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let span = Duration::from_millis(count.parse::<u64>().ok()?.checked_mul(*millis)?);
    (span <= LONGEST).then_some(span)
}

/// Shows a duration in the largest unit that gives a whole number.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let fits = |(_, size): &&(&str, u64)| millis.is_multiple_of(u128::from(*size));
        match UNITS.iter().find(fits) {
            Some((unit, size)) if millis > 0 => write!(out, "{}{unit}", millis / u128::from(*size)),
            _ => out.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration_and_are_shown_as_written() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("14d", 1_209_600_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(Span(Duration::from_secs(90)).to_string(), "90s");
        assert_eq!(Span(Duration::from_hours(48)).to_string(), "2d");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            " 5m",
            "5M",
            "-5m",
            "+5m",
            "1.5h",
            "5m30s",
            "5min",
            "36501d",
            "99999999999999999d",
            "٥m",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
