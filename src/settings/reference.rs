//! Writes the commented `stele.toml`: every setting with its default and what it is for. Knows no setting by
//! name.

use std::fmt::Write;

use super::{
    Settings,
    given::Given,
    reader::{Entry, Reader, section_of},
};

const HEAD: &str = "\
# The settings of Stele. Lines with # and no space behind it hold the defaults: take the # away to change one.
# Each can be given in the environment as well, which wins: STELE_JWT__ACCESS_TTL is access_ttl of [jwt].
# With _FILE behind the name, the value is what is in the file that is named: STELE_STORE__LOG_FILE.
# Durations are 500ms, 2s, 5m, 1h, 14d; a list in the environment is JSON: [\"username\"].
";

/// What `stele init` writes.
pub(crate) fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for entry in entries(Given::default()) {
        let own = section_of(entry.name);
        if own != section {
            section = own;
            write!(text, "\n[{section}]").unwrap_or_default();
        }
        text.push('\n');
        text.push_str(&shown(&entry));
    }
    text
}

/// All settings, in the order in which they are read, each section in one piece; which there are depends on what is given where
/// an operator chooses their names.
pub(super) fn entries(given: Given) -> Vec<Entry> {
    let mut reader = Reader::new(given, Vec::new());
    Settings::read(&mut reader);
    reader.into_entries()
}

pub(super) fn names(given: &Given) -> Vec<&'static str> {
    entries(given.clone()).into_iter().map(|entry| entry.name).collect()
}

fn shown(entry: &Entry) -> String {
    let key = entry.name.rsplit_once('.').map_or(entry.name, |(_, key)| key);
    match &entry.default {
        Some(default) => format!("# {}\n#{key} = {default}\n", entry.about),
        None => format!("# {}\n# {key} has no default.\n", entry.about),
    }
}
