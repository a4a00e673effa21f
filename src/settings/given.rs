//! What was written down: in the file and in the environment, each with its place. Knows no setting.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use toml::{Table, Value as Toml};

use super::error::{Conflict, Place, SettingsError, ValueError};

/// The file that is read if it is there.
pub(crate) const FILE: &str = "stele.toml";

const PREFIX: &str = "STELE_";
/// Variables of the test suites, which are no settings.
const IGNORED: &str = "STELE_TEST_";
/// Behind the variable of a setting: its value is in the file that is named.
const IN_FILE: &str = "_FILE";

/// The variable that sets `name`: `STELE_JWT__ACCESS_TTL` for `jwt.access_ttl`.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "__").to_uppercase())
}

/// The setting that a variable sets.
fn named(variable: &str) -> String {
    variable.strip_prefix(PREFIX).unwrap_or(variable).replace("__", ".").to_lowercase()
}

/// A value as it was written. The environment has text only, which takes the type of its target.
#[derive(Debug, Clone)]
pub(super) enum Raw {
    Text(String),
    Toml(Toml),
}

impl Raw {
    pub(super) fn text(&self) -> Result<&str, ValueError> {
        match self {
            Self::Text(text) | Self::Toml(Toml::String(text)) => Ok(text),
            Self::Toml(_) => Err(ValueError::Wanted("a text in quotes")),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ValueError> {
        match self {
            Self::Toml(Toml::Boolean(value)) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        }
        .ok_or(ValueError::Wanted("true or false"))
    }

    pub(super) fn number(&self) -> Result<u64, ValueError> {
        match self {
            Self::Toml(Toml::Integer(value)) => u64::try_from(*value).ok(),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        }
        .ok_or(ValueError::Wanted("a whole number, not below 0,"))
    }

    pub(super) fn list(&self) -> Result<Vec<String>, ValueError> {
        match self {
            Self::Toml(Toml::Array(items)) => {
                items.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect::<Option<_>>()
            }
            Self::Text(text) => serde_json::from_str(text).ok(),
            Self::Toml(_) => None,
        }
        .ok_or(ValueError::Wanted(r#"a list of texts such as ["one", "two"]"#))
    }
}

/// Everything that was written and not asked for yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    path: PathBuf,
    /// Nothing is known of what the file says.
    pub(super) is_partial: bool,
    file: BTreeMap<String, Toml>,
    environment: BTreeMap<String, String>,
    /// Variables whose values were read from files that others named, and which those are.
    read: BTreeMap<String, String>,
}

impl Given {
    pub(super) fn add_file(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        path.clone_into(&mut self.path);
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            self.is_partial = true;
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            SettingsError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                problem: error.message().to_owned(),
            }
        })?;
        flatten("", table, &mut self.file);
        Ok(())
    }

    pub(super) fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        errors: &mut Vec<SettingsError>,
    ) {
        let ours =
            variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(IGNORED));
        for (name, value) in ours {
            if value.contains(char::REPLACEMENT_CHARACTER) {
                errors.push(SettingsError::NotUnicode(name.clone()));
            }
            self.environment.insert(name, value);
        }
    }

    /// Reads what the environment names files for, as secrets are handed to containers. `names` are those of all settings: one that
    /// ends like that by itself is what it is.
    pub(super) fn read_files(
        &mut self,
        names: &[&str],
        read: impl Fn(&Path) -> io::Result<String>,
        errors: &mut Vec<SettingsError>,
    ) {
        let variables: Vec<String> = names.iter().map(|name| variable(name)).collect();
        for target in &variables {
            let naming = format!("{target}{IN_FILE}");
            if variables.contains(&naming) {
                continue;
            }
            let Some(path) = self.environment.remove(&naming) else { continue };
            if self.environment.contains_key(target) {
                errors.push(Conflict::Twice(target.clone(), naming).into());
                continue;
            }
            match read(Path::new(&path)) {
                Ok(text) => _ = self.environment.insert(target.clone(), text.trim_end().to_owned()),
                Err(source) => errors.push(SettingsError::NoFile { variable: naming.clone(), source }),
            }
            self.read.insert(target.clone(), naming);
        }
    }

    /// The names of the sections below this one in which anything is left, in the order of the alphabet.
    pub(super) fn sections_below(&self, section: &str) -> Vec<String> {
        let inside = format!("{section}.");
        let in_file = self.file.keys().cloned();
        let in_environment = self.environment.keys().map(|variable| named(variable));
        let names = in_file.chain(in_environment).filter_map(|name| {
            let (below, _) = name.strip_prefix(&inside)?.split_once('.')?;
            Some(below.to_owned())
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What was written for `name`. The environment wins, and what it hides is not looked at.
    pub(super) fn take(&mut self, name: &str) -> Option<(Place, Raw)> {
        let variable = variable(name);
        let in_file = self.file.remove(name);
        if let Some(text) = self.environment.remove(&variable) {
            let variable = self.read.remove(&variable).unwrap_or(variable);
            return Some((Place::Environment { variable }, Raw::Text(text)));
        }
        in_file.map(|value| (self.place_in_file(name), Raw::Toml(value)))
    }

    /// Where something was written that nothing asked for, and the name it would have. A section that is
    /// known and empty is left out.
    pub(super) fn left<'a>(
        &'a self,
        is_section: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = (Place, String)> {
        let is_empty_section = move |name: &str, value: &Toml| value.is_table() && is_section(name);
        let file = self.file.iter().filter(move |(name, value)| !is_empty_section(name, value));
        let environment = self
            .environment
            .keys()
            .map(|variable| (Place::Environment { variable: variable.clone() }, named(variable)));
        file.map(|(name, _)| (self.place_in_file(name), name.clone())).chain(environment)
    }

    fn place_in_file(&self, name: &str) -> Place {
        Place::File { path: self.path.clone(), name: name.to_owned() }
    }
}

fn flatten(section: &str, table: Table, into: &mut BTreeMap<String, Toml>) {
    for (key, value) in table {
        let name = if section.is_empty() { key } else { format!("{section}.{key}") };
        match value {
            Toml::Table(inner) if !inner.is_empty() => flatten(&name, inner, into),
            value => {
                into.insert(name, value);
            }
        }
    }
}
