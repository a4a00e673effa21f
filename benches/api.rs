//! `./bench api`: what clients wait for, each as a ratio to a limit that was measured in the same run, or as it is.

mod flood;
mod growth;
mod hashing;
mod idle;
mod lag;
mod reading;
mod refresh;

use std::time::Duration;

pub(crate) use hashing::pool_alone;

use crate::{failed::Outcome, figures::Line, report::Table, say};

/// How long one measurement runs in, and for how long it counts.
const WARM: Duration = Duration::from_millis(700);
const SPAN: Duration = Duration::from_millis(2500);

/// Users of the installation that most lines are measured on.
const USERS: u32 = 1000;
const CLIENTS: u32 = 32;

/// What can be measured alone.
const NAMES: [&str; 9] =
    ["login", "registration", "verify", "user", "refresh", "flood", "idle", "lag", "growth"];

/// Measures what has `filter` in its name.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut lines = Vec::new();
    for name in NAMES.into_iter().filter(|name| name.contains(filter)) {
        say(format_args!("  {name} …"));
        lines.extend(measured(name).await?);
    }
    Ok(Table { name: "api", about: "What clients wait for", lines })
}

async fn measured(name: &str) -> Outcome<Vec<Line>> {
    match name {
        "login" => hashing::login().await,
        "registration" => hashing::registration().await,
        "verify" => reading::verify().await,
        "user" => reading::user().await,
        "refresh" => refresh::refresh().await,
        "flood" => flood::flood().await,
        "idle" => idle::idle().await,
        "lag" => lag::lag().await,
        _ => growth::growth().await,
    }
}
