//! The same tables in `docs/performance.md`, each between two marks, and the plot beside it. What stands around the marks is
//! written by hand and stays.

use std::{fs, path::Path};

use super::{Table, bound, plot, reached, spread, verdict};
use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
};

const PAGE: &str = "docs/performance.md";
const PLOT: &str = "docs/performance.svg";

/// Writes the tables into the page; the plot shows those of `./bench api` on SQLite.
pub(crate) fn write(tables: &[Table], machine: &str) -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = fs::read_to_string(root.join(PAGE))?;
    for table in tables {
        let on = if table.on == Engine::Postgres { " on postgres" } else { "" };
        page = replaced(&page, &format!("{}{on}", table.name), &markdown(table, machine))?;
        if table.name == "api" && table.on == Engine::Sqlite {
            fs::write(root.join(PLOT), plot::draw(&table.lines))?;
        }
    }
    Ok(fs::write(root.join(PAGE), page)?)
}

fn markdown(table: &Table, machine: &str) -> String {
    let rows = table.lines.iter().map(|line| {
        let detail = if line.detail.is_empty() { String::new() } else { format!("<br>{}", line.detail) };
        let cells = [reached(line), spread(line), bound(line), verdict(line).to_owned()];
        format!("| {}{detail} | {} |\n", line.what, cells.join(" | "))
    });
    let head = "| | reached | spread | bound | |\n|---|---|---|---|---|\n";
    format!("Measured on {machine}.\n\n{head}{}", rows.collect::<String>())
}

/// The page with other text between the marks of a table.
fn replaced(page: &str, name: &str, text: &str) -> Outcome<String> {
    let (start, end) = (format!("<!-- bench {name} -->\n"), format!("<!-- end of bench {name} -->"));
    let found = page.split_once(&start).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) =
        found.ok_or(Failed::Missing("the pair of marks for a table in docs/performance.md"))?;
    Ok(format!("{before}{start}{text}{end}{after}"))
}
