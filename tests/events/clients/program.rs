//! A subscriber of another make: one of the programs below `examples/subscribers`, run as whoever copied it runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Lines, Process, program, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// What it is written in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    Rust,
    Python,
    TypeScript,
}

/// One that runs, and what it has told.
pub(super) struct Program {
    process: Process,
    lines: Lines,
}

impl Language {
    /// What is made below `target/` of it is cargo's work or that of `./test`.
    fn command(self) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = root.join("target/subscribers");
        let (program, script) = match self {
            Self::Rust => (program("subscriber"), None),
            Self::Python => {
                let script = root.join("examples/subscribers/python/subscriber.py");
                (made.join("python/bin/python"), Some(script))
            }
            Self::TypeScript => (PathBuf::from("node"), Some(made.join("typescript/dist/subscriber.js"))),
        };
        let mut command = Command::new(program);
        command.args(script);
        command
    }
}

impl Program {
    pub(super) fn start(language: Language, arguments: &[&str]) -> Self {
        let lines = Lines::default();
        let mut command = language.command();
        command.args(arguments);
        Self { process: Process::spawn(command, &lines), lines }
    }

    /// The events that it has told, as it told them.
    pub(super) fn events(&self) -> Vec<Value> {
        let lines = self.lines.all();
        let events = lines.iter().filter(|line| line.starts_with('{'));
        events.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What it has said that begins like this. All of it is there when it has ended.
    pub(super) fn said(&self, beginning: &str) -> Vec<String> {
        let mut lines = self.lines.all();
        lines.retain(|line| line.starts_with(beginning));
        lines
    }

    /// Waits until it has told so many events, and answers them.
    pub(super) async fn has_told(&self, events: usize) -> Vec<Value> {
        let told = wait_for("the subscriber has told everything", SOON, async || {
            let told = self.events();
            (told.len() >= events).then_some(told)
        });
        told.await
    }

    /// Asks it to end, which it does without complaint, and answers all that it told.
    #[track_caller]
    pub(super) fn end(&mut self) -> Vec<Value> {
        self.process.stop();
        let ended = self.process.exit_within(Duration::ZERO).expect("it has ended");
        assert_eq!(ended.code(), Some(0), "{:?}", self.lines.all());
        self.events()
    }
}
