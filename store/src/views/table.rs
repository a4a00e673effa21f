//! What must be known of a table to put rows into it, many at once. Knows no table of its own.

use super::Kind;

/// A table of which one column tells rows apart.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    pub name: &'a str,
    pub key: &'a str,
    /// All columns, in the order in which rows hold their cells.
    pub columns: &'a [(&'a str, Kind)],
}

impl Table<'_> {
    /// Puts the rows of `source` into the table, each in the place of the one with the same key.
    pub(super) fn put(&self, source: &str) -> String {
        let Self { name, key, columns } = self;
        let all: Vec<String> = columns.iter().map(|(column, _)| format!("\"{column}\"")).collect();
        let changed: Vec<String> = all.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "insert into {name} ({}) {source} on conflict ({key}) do update set {}",
            all.join(", "),
            changed.join(", ")
        )
    }
}
