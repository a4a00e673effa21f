//! The mail catcher of `./dev`, for tests: the real one, on free ports.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Caller, Lines, Process, program, wait_for};

const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Catcher {
    _process: Process,
    /// `127.0.0.1:PORT`, each.
    pub(crate) smtp: String,
    page: String,
}

impl Catcher {
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0", "127.0.0.1:0").await
    }

    pub(crate) async fn at(smtp: &str, page: &str) -> Self {
        let lines = Lines::default();
        let mut command = Command::new(program("mail-catcher"));
        command.args(["--smtp", smtp, "--page", page]);
        let process = Process::spawn(command, &lines);
        let told = async |before: &str| {
            wait_for("the catcher says where it is", SOON, async || {
                let lines = lines.all();
                lines.iter().find_map(|line| Some(line.split_once(before)?.1.to_owned()))
            })
            .await
        };
        let (smtp, page) = (told("smtp://").await, told("http://").await);
        Self { _process: process, smtp, page }
    }

    /// Whoever looks at its page.
    pub(crate) fn reader(&self) -> Caller {
        Caller::to(&self.page)
    }

    /// What it tells scripts, the oldest mail first.
    pub(crate) async fn messages(&self) -> Vec<Value> {
        let messages = self.reader().get("/messages").await.expect(200).json();
        messages.as_array().unwrap().clone()
    }

    /// The mails to somebody, as soon as there are so many.
    pub(crate) async fn mails_to(&self, address: &str, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} mails to {address}"), SOON, async || {
            let mut messages = self.messages().await;
            messages.retain(|message| message["to"] == serde_json::json!([address]));
            (messages.len() >= count).then_some(messages)
        })
        .await
    }
}
