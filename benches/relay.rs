//! `./bench relay`: what goes out by NATS and by mail, with each role in a process of its own, on PostgreSQL and on a nats-server
//! that acknowledges what is on disk.

mod backlog;
mod idle;
mod lag;
mod mails;

use crate::{failed::Outcome, figures::Line, report::Table, say};

/// Where they find NATS.
const BUS: &str = "STELE_BUS__URL";

/// What can be measured alone.
const LINES: [&str; 4] = ["backlog", "lag", "mails", "idle"];

/// Measures what has `filter` in its name.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut lines = Vec::new();
    for name in LINES.iter().filter(|name| name.contains(filter)) {
        say(format_args!("  {name} …"));
        lines.extend(measured(name).await?);
    }
    Ok(Table { name: "relay", on: Some("postgres"), about: "What goes out by NATS and by mail", lines })
}

async fn measured(name: &str) -> Outcome<Vec<Line>> {
    match name {
        "backlog" => backlog::backlog().await,
        "lag" => lag::lag().await,
        "mails" => mails::mails().await,
        _ => idle::idle().await,
    }
}
