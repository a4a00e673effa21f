//! How values are read, and written as TOML: texts, numbers, durations, lists and choices. Knows no setting.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    error::ValueError,
    given::Raw,
    span::{self, Span},
};

/// What a setting can hold.
pub(super) trait Value: Sized {
    fn read(raw: &Raw) -> Result<Self, ValueError>;
    /// The value as TOML, which reads back equal.
    fn show(&self) -> String;
}

/// One of a few names, whatever their case.
pub(super) trait Choice: Copy + PartialEq + 'static {
    const NAMES: &'static [(&'static str, Self)];
}

impl<T: Choice> Value for T {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        let named = T::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        named.map(|(_, value)| *value).ok_or_else(|| ValueError::NoChoice {
            given: text.to_owned(),
            choices: T::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        })
    }

    fn show(&self) -> String {
        let named = T::NAMES.iter().find(|(_, value)| value == self);
        quoted(named.map_or("", |(name, _)| name))
    }
}

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        raw.boolean()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        // Counts of connections, threads and bytes; what is larger is a mistake, and fits 32 bits nowhere.
        const MOST: u64 = i32::MAX as u64;
        let number = raw.number()?;
        Self::try_from(number).ok().filter(|_| number <= MOST).ok_or(ValueError::TooLarge(MOST))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        raw.text().map(ToOwned::to_owned)
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

impl Value for PathBuf {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        match raw.text()? {
            "" => Err(ValueError::Wanted("a path")),
            path => Ok(Self::from(path)),
        }
    }

    fn show(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Value for SocketAddr {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        text.parse().map_err(|_| not(text, "an IP address and a port, such as 127.0.0.1:8000 or [::]:8000"))
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for Duration {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        span::parse(text).ok_or_else(|| not(text, "a duration such as 500ms, 2s, 5m, 1h or 14d"))
    }

    fn show(&self) -> String {
        quoted(&Span(*self).to_string())
    }
}

pub(super) fn not(given: &str, wanted: &'static str) -> ValueError {
    ValueError::Not { given: given.to_owned(), wanted }
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
