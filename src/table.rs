//! Prints tables and times for people. Knows nothing of what is in them, and trusts none of it: a name from
//! outside must not steer the terminal it is shown on.

use std::fmt;

use domain::Time;
use jiff::Timestamp;

/// What stands between two columns.
const GAP: &str = "  ";
/// The widest that a column is made, in terminal cells. A longer text is shown whole and moves the rest of
/// its own row.
const WIDEST: usize = 60;

/// Rows under a header, in columns as wide as their texts.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<T: ToString>(headers: impl IntoIterator<Item = T>) -> Self {
        Self { rows: Vec::new() }.row(headers)
    }

    #[must_use]
    pub(crate) fn row<T: ToString>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.rows.push(cells.into_iter().map(|cell| harmless(&cell.to_string())).collect());
        self
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell).min(WIDEST));
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    /// One line a row, without a line break behind the last and without spaces at the end of any.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, column) in row.iter().zip(&widths) {
                let padding = " ".repeat(column.saturating_sub(width(cell)));
                line.extend([cell, padding.as_str(), GAP]);
            }
            let end = if index == 0 { "" } else { "\n" };
            write!(out, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `2026-11-24 14:03:05`, in UTC.
pub(crate) fn human_time(time: Time) -> String {
    Timestamp::from_microsecond(time.0).map_or_else(
        |_| format!("{} µs", time.0),
        |timestamp| timestamp.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// The text with everything escaped that would move the cursor, colour the screen or turn the direction of
/// writing.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX 9, section 2).
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many cells of a terminal a text takes, near enough: marks none, ideographs and emoji two.
fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

const fn cells(c: char) -> usize {
    match c {
        '\u{0300}'..='\u{036f}'
        | '\u{0483}'..='\u{0489}'
        | '\u{0591}'..='\u{05bd}'
        | '\u{064b}'..='\u{065f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{200b}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{feff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text_and_lines_end_where_their_text_ends() {
        let table = Table::new(["pk", "username"]).row(["7", "ann"]).row(["1234", "bartholomew"]);
        assert_eq!(table.to_string(), "pk    username\n7     ann\n1234  bartholomew");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(Table::new(["id", "state"]).to_string(), "id  state");
    }

    #[test]
    fn rows_may_be_shorter_or_longer_than_the_header() {
        let table = Table::new(["a", "b"]).row(["1"]).row(["1", "2", "3"]);
        assert_eq!(table.to_string(), "a  b\n1\n1  2  3");
    }

    #[test]
    fn ideographs_take_two_cells_and_marks_none() {
        let table = Table::new(["name", "on"]).row(["王小明", "y"]).row(["e\u{301}va", "n"]);
        assert_eq!(table.to_string(), "name    on\n王小明  y\ne\u{301}va     n");
    }

    #[test]
    fn a_very_long_text_is_shown_whole_and_does_not_widen_the_other_rows() {
        let long = "x".repeat(300);
        let table = Table::new(["text", "n"]).row([long.as_str(), "1"]).row(["short", "2"]);
        let lines: Vec<String> = table.to_string().lines().map(ToOwned::to_owned).collect();
        assert_eq!(lines[1], format!("{long}  1"));
        assert_eq!(lines[2], format!("{:<60}  2", "short"));
    }

    #[test]
    fn nothing_in_a_cell_can_steer_the_terminal() {
        let table = Table::new(["name"]).row(["a\u{1b}[2Jb\nc\td\u{202e}e\u{9b}"]);
        assert_eq!(table.to_string(), "name\na\\u{1b}[2Jb\\nc\\td\\u{202e}e\\u{9b}");
    }

    #[test]
    fn times_are_shown_in_utc_to_the_second() {
        assert_eq!(human_time(Time(1_795_529_985_999_999)), "2026-11-24 14:19:45");
        assert_eq!(human_time(Time(0)), "1970-01-01 00:00:00");
        assert_eq!(human_time(Time(i64::MAX)), format!("{} µs", i64::MAX));
    }
}
