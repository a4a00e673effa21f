//! Mails by SMTP, to a server on loopback that fails by a script: what is tried again and for how long, what is final, and what
//! is said to whom before it is encrypted.

mod commands;
mod encrypted;
mod failing;
mod hanging;

use std::time::Duration;

use serde_json::Value;

use crate::support::{Account, Caller, Home, Log, MailServer, Server, Taken, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// A server whose mails go there.
async fn mailing_to(url: &str, more: &[(&str, &str)]) -> Server {
    Server::at(home(url, more)).await
}

fn home(url: &str, more: &[(&str, &str)]) -> Home {
    let own = [("STELE_MAIL__URL", url), ("STELE_MAIL__FROM", "Example <auth@example.com>")];
    Home::keyed(&[&own, more].concat())
}

async fn register(api: &Caller, names: &[&str]) {
    for name in names {
        Account::named(name).register(api).await;
    }
}

fn address(name: &str) -> String {
    Account::named(name).email
}

/// The mails to somebody, as soon as there are so many.
async fn taken_by(mail: &MailServer, name: &str, count: usize) -> Vec<Taken> {
    wait_for(&format!("{count} mails to {name}"), SOON, async || {
        let taken = mail.taken_by(&address(name));
        (taken.len() >= count).then_some(taken)
    })
    .await
}

/// What became of mails, in the order in which it was recorded: `sent`, or why not, and after how many attempts.
async fn outcomes(log: &Log) -> Vec<(String, u64)> {
    let events = log.events().await;
    let ended =
        events.iter().filter(|event| matches!(event.kind.as_str(), "mail.sent.v1" | "mail.failed.v1"));
    let outcome = |data: &str| {
        let data: Value = serde_json::from_str(data).unwrap();
        (data["reason"].as_str().unwrap_or("sent").to_owned(), data["attempt"].as_u64().unwrap())
    };
    ended.map(|event| outcome(&event.data)).collect()
}
