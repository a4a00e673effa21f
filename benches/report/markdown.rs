//! The same tables in `docs/performance.md`, each between two marks, and the plot beside it, which shows what the page says. What
//! stands around the marks is written by hand and stays.

use std::{fs, path::Path};

use super::{Table, bound, plot, reached, spread, verdict};
use crate::failed::{Failed, Outcome};

const PAGE: &str = "docs/performance.md";
const PLOT: &str = "docs/performance.svg";

const HEAD: &str = "| | reached | spread | bound | |\n|---|---|---|---|---|\n";

/// Writes the tables into the page, or those lines of them that were measured, where that is a part: the others stay as they are, if
/// they are of the same machine.
pub(crate) fn write(tables: &[Table], machine: &str, part: bool) -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = fs::read_to_string(root.join(PAGE))?;
    for table in tables {
        let name = name(table.name, table.on);
        let rows = table.lines.iter().map(row).collect();
        let rows = if part { merged(between(&page, &name)?.1, machine, rows)? } else { rows };
        let (before, _, after) = between(&page, &name)?;
        page = format!("{before}Measured on {machine}.\n\n{HEAD}{}{after}", rows.concat());
    }
    let api = name("api", None);
    fs::write(root.join(PLOT), plot::draw(between(&page, &api)?.1.lines()))?;
    Ok(fs::write(root.join(PAGE), page)?)
}

fn name(table: &str, on: Option<&str>) -> String {
    on.map_or_else(|| table.to_owned(), |engine| format!("{table} on {engine}"))
}

fn row(line: &crate::figures::Line) -> String {
    let detail = if line.detail.is_empty() { String::new() } else { format!("<br>{}", line.detail) };
    let cells = [reached(line), spread(line), bound(line), verdict(line).to_owned()];
    format!("| {}{detail} | {} |\n", line.what, cells.join(" | "))
}

/// What a row is about.
fn subject(row: &str) -> &str {
    row.split(" | ").next().and_then(|cell| cell.split("<br>").next()).unwrap_or(row)
}

/// The rows of a table with others in the place of those about the same, and behind them those about something else.
fn merged(table: &str, machine: &str, rows: Vec<String>) -> Outcome<Vec<String>> {
    if !table.contains(&format!("Measured on {machine}.\n")) {
        return Err(Failed::OtherMachine);
    }
    let old = table.split_inclusive('\n').filter(|row| row.starts_with("| ") && !HEAD.contains(row));
    let mut all: Vec<String> = old.map(str::to_owned).collect();
    for row in rows {
        match all.iter_mut().find(|old| subject(old) == subject(&row)) {
            Some(old) => *old = row,
            None => all.push(row),
        }
    }
    Ok(all)
}

/// What stands before a table, in it and behind it.
fn between<'p>(page: &'p str, name: &str) -> Outcome<(&'p str, &'p str, &'p str)> {
    let (start, end) = (format!("<!-- bench {name} -->\n"), format!("<!-- end of bench {name} -->"));
    let found = page.find(&start).map(|at| at + start.len()).and_then(|from| {
        let (before, rest) = page.split_at_checked(from)?;
        let (table, after) = rest.split_at_checked(rest.find(&end)?)?;
        Some((before, table, after))
    });
    found.ok_or(Failed::Missing("the pair of marks for a table in docs/performance.md"))
}
