//! Asks for one setting after the other and keeps three records: what exists, what was given, and what is
//! wrong. Must not know any setting by name.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use super::{
    closest::closest,
    error::{Conflict, Place, SettingsError, SettingsErrors, ValueError},
    given::{Given, Raw, variable},
    value::Value,
};

/// A setting that exists.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// As TOML; some settings have none.
    pub(super) default: Option<String>,
    /// One line.
    pub(super) about: &'static str,
}

pub(super) struct Reader {
    given: Given,
    entries: Vec<Entry>,
    named: BTreeSet<&'static str>,
    faulty: BTreeSet<&'static str>,
    errors: Vec<SettingsError>,
}

impl Reader {
    pub(super) fn new(given: Given, errors: Vec<SettingsError>) -> Self {
        Self { given, entries: Vec::new(), named: BTreeSet::new(), faulty: BTreeSet::new(), errors }
    }

    /// The value of `name`. One that can't be used is recorded and gives the default, so that the rest is
    /// checked too.
    pub(super) fn get<T: Value>(&mut self, name: &'static str, default: T, about: &'static str) -> T {
        self.list_entry(name, Some(default.show()), about);
        self.take(name, T::read).unwrap_or(default)
    }

    /// As [`Self::get`], for what must not be 0.
    pub(super) fn above_zero<T: Value + Default + PartialEq>(
        &mut self,
        name: &'static str,
        default: T,
        about: &'static str,
    ) -> T {
        self.list_entry(name, Some(default.show()), about);
        let read = |raw: &Raw| {
            T::read(raw).and_then(
                |value| {
                    if value == T::default() { Err(ValueError::Zero) } else { Ok(value) }
                },
            )
        };
        self.take(name, read).unwrap_or(default)
    }

    /// A duration above 0.
    pub(super) fn span(&mut self, name: &'static str, default: Duration, about: &'static str) -> Duration {
        self.above_zero(name, default, about)
    }

    /// A setting that may be left out; an empty text leaves it out as well.
    pub(super) fn optional<T: Value>(&mut self, name: &'static str, about: &'static str) -> Option<T> {
        self.list_entry(name, Some("\"\"".to_owned()), about);
        let read = |raw: &Raw| {
            if raw.text() == Ok("") { Ok(None) } else { T::read(raw).map(Some) }
        };
        self.take(name, read).flatten()
    }

    /// A setting without a default, for which an empty text is as wrong as any other: whoever names it means
    /// it.
    pub(super) fn without_default<T: Value>(&mut self, name: &'static str, about: &'static str) -> Option<T> {
        self.list_entry(name, None, about);
        self.take(name, T::read)
    }

    /// A list that is empty unless it is given.
    pub(super) fn list<T>(&mut self, name: &'static str, about: &'static str) -> Vec<T>
    where
        T: FromStr,
        ValueError: From<T::Err>,
    {
        self.list_entry(name, Some("[]".to_owned()), about);
        let read = |raw: &Raw| raw.list()?.iter().map(|item| Ok(item.parse()?)).collect();
        self.take(name, read).unwrap_or_default()
    }

    /// The names of the sections below this one in which anything was written.
    pub(super) fn sections_below(&self, section: &str) -> Vec<String> {
        self.given.sections_below(section)
    }

    /// Whether `name` was written anywhere.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    /// Records that `names` don't go together. If one of them is wrong by itself, that is all there is to
    /// say.
    pub(super) fn refuse(&mut self, names: &[&'static str], conflict: Conflict) {
        if !self.given.is_partial && names.iter().all(|name| !self.faulty.contains(name)) {
            self.errors.push(conflict.into());
        }
    }

    /// Ends the reading: whatever was written and not asked for is no setting.
    pub(super) fn finish(mut self) -> Result<(), SettingsErrors> {
        let is_section = |section: &str| self.entries.iter().any(|entry| section_of(entry.name) == section);
        let unknown = self.given.left(is_section).map(|(place, name)| self.unknown(place, &name));
        self.errors.extend(unknown.collect::<Vec<_>>());
        if self.errors.is_empty() { Ok(()) } else { Err(SettingsErrors(self.errors)) }
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    fn list_entry(&mut self, name: &'static str, default: Option<String>, about: &'static str) {
        self.entries.push(Entry { name, default, about });
    }

    fn take<T>(&mut self, name: &'static str, read: impl Fn(&Raw) -> Result<T, ValueError>) -> Option<T> {
        let (place, raw) = self.given.take(name)?;
        self.named.insert(name);
        read(&raw)
            .map_err(|source| {
                self.faulty.insert(name);
                self.errors.push(SettingsError::Value { place, source });
            })
            .ok()
    }

    fn unknown(&self, place: Place, name: &str) -> SettingsError {
        let closest = closest(name, self.entries.iter().map(|entry| entry.name)).unwrap_or_default();
        let closest = match place {
            Place::File { .. } => closest.to_owned(),
            Place::Environment { .. } => variable(closest),
        };
        SettingsError::Unknown { place, closest }
    }
}

/// `jwt` of `jwt.access_ttl`; nothing of a name that stands at the top.
pub(super) fn section_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(section, _)| section)
}
