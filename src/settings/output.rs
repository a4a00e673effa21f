//! What the process prints about itself while it runs.

use tracing::Level;

use super::{reader::Reader, value::Choice};

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// This level and those graver.
    pub(crate) level: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Output {
    pub(super) fn read(from: &mut Reader) -> Self {
        Self {
            format: from.get(
                "output.format",
                Format::Text,
                "How log lines are printed: text for people, json for machines.",
            ),
            level: from.get(
                "output.level",
                Level::INFO,
                "How much is printed: error, warn, info, debug or trace.",
            ),
        }
    }
}

impl Choice for Format {
    const NAMES: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

impl Choice for Level {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("error", Self::ERROR),
        ("warn", Self::WARN),
        ("info", Self::INFO),
        ("debug", Self::DEBUG),
        ("trace", Self::TRACE),
    ];
}
