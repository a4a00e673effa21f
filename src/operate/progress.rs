//! How far long work has come, on stderr: a bar with the time that is left on a terminal, a line for each step elsewhere, nothing
//! beside JSON. Knows no work.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::command_line::Printed;

const BAR: &str = "{prefix}  {bar:32}  {human_pos} of {human_len} {msg}, {per_sec}, {eta} left";

/// A step of the work, and how much of it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) done: u64,
    pub(super) of: u64,
    /// What is counted; nothing where the step is not counted.
    pub(super) what: &'static str,
}

pub(super) struct Progress {
    medium: Medium,
    /// What is shown now.
    shown: Mutex<&'static str>,
}

enum Medium {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    pub(super) fn new(printed: Printed) -> Self {
        let medium = match (printed.json, io::stderr().is_terminal()) {
            (true, _) => Medium::Nothing,
            (false, true) => Medium::Bar(ProgressBar::no_length()),
            (false, false) => Medium::Lines,
        };
        Self { medium, shown: Mutex::new("") }
    }

    pub(super) fn show(&self, Stage { name, done, of, what }: Stage) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = *shown != name;
        *shown = name;
        match &self.medium {
            Medium::Bar(bar) if begins => begin(bar, name, what),
            Medium::Lines if begins && of > 0 => say(&format!("stele: {name}, {of} {what}")),
            Medium::Lines if begins => say(&format!("stele: {name}")),
            Medium::Bar(_) | Medium::Lines | Medium::Nothing => {}
        }
        if let Medium::Bar(bar) = &self.medium {
            bar.set_length(of);
            bar.set_position(done);
        }
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(&self) {
        if let Medium::Bar(bar) = &self.medium {
            bar.finish_and_clear();
        }
    }
}

fn begin(bar: &ProgressBar, name: &'static str, what: &'static str) {
    let template = if what.is_empty() { "{prefix} …" } else { BAR };
    // The templates are ours, and a bar of the default style would do.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.reset();
    bar.set_prefix(name);
    bar.set_message(what);
}

fn say(line: &str) {
    // Nobody may be looking.
    _ = writeln!(io::stderr().lock(), "{line}");
}
