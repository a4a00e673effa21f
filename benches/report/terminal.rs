//! A table for the terminal, its columns as wide as they must be.

use super::{Table, bound, reached, spread, verdict};
use crate::say;

pub(crate) fn show(table: &Table) {
    let mut rows = vec![["", "reached", "spread", "bound", ""].map(str::to_owned)];
    rows.extend(
        table.lines.iter().map(|line| {
            [line.what.clone(), reached(line), spread(line), bound(line), verdict(line).to_owned()]
        }),
    );
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let on = table.on.map(|engine| format!(" --on {engine}")).unwrap_or_default();
    say(format_args!("\n{} (./bench {}{on})\n", table.about, table.name));
    let details = std::iter::once("").chain(table.lines.iter().map(|line| line.detail.as_str()));
    for (row, detail) in rows.iter().zip(details) {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        say(format_args!("{}", cells.collect::<Vec<_>>().join("  ").trim_end()));
        if !detail.is_empty() {
            say(format_args!("    {detail}"));
        }
    }
}
