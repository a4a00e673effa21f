//! How figures are shown: as a table on the terminal, as Markdown, as a plot. Measures nothing.

mod markdown;
mod plot;
mod terminal;

use crate::figures::{Bound, Line, Unit};

pub(crate) use markdown::write;
pub(crate) use terminal::show;

/// Lines that belong together.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Unless it is SQLite.
    pub(crate) on: Option<&'static str>,
    pub(crate) about: &'static str,
    pub(crate) lines: Vec<Line>,
}

impl Unit {
    fn written(self, value: f64) -> String {
        match self {
            Self::OfLimit => format!("{value:.3}"),
            Self::Times => format!("{value:.2} times"),
            Self::Milliseconds if value < 1.0 => format!("{value:.3} ms"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Mebibytes => format!("{value:.1} MiB"),
            Self::PerSecond => format!("{value:.0}/s"),
        }
    }
}

fn reached(line: &Line) -> String {
    line.unit.written(line.reached.median)
}

/// The least and the most of all rounds; nothing where there was one round only.
fn spread(line: &Line) -> String {
    let (least, most) = (line.unit.written(line.reached.least), line.unit.written(line.reached.most));
    if least == most { String::new() } else { format!("{least} – {most}") }
}

fn bound(line: &Line) -> String {
    let bound = line.bound.map(|bound| match bound {
        Bound::AtLeast(bound) => format!("at least {}", line.unit.written(bound)),
        Bound::AtMost(bound) => format!("at most {}", line.unit.written(bound)),
    });
    let aim = line.aim.map(|aim| format!("aim {}", line.unit.written(aim)));
    bound.into_iter().chain(aim).collect::<Vec<_>>().join(", ")
}

fn verdict(line: &Line) -> &'static str {
    let aim_is_met = line.aim.map(|aim| line.reached.median >= aim);
    match (line.is_met(), aim_is_met) {
        (Some(false), _) => "MISSED",
        (Some(true), None | Some(false)) => "met",
        (Some(true) | None, Some(true)) => "aim met",
        (None, Some(false)) => "below the aim",
        (None, None) => "",
    }
}
