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

use crate::{engine::Engine, failed::Outcome, figures::Line, report::Table, say};

/// How long one measurement runs in, and for how long it counts.
const WARM: Duration = Duration::from_millis(700);
const SPAN: Duration = Duration::from_millis(2500);

/// Users of the installation that most lines are measured on.
const USERS: u32 = 1000;
const CLIENTS: u32 = 32;

/// What can be measured alone; the last three on SQLite only.
const NAMES: [&str; 9] =
    ["login", "registration", "verify", "user", "refresh", "lag", "flood", "idle", "growth"];

/// Measures what has `filter` in its name.
pub(crate) async fn measure(filter: &str, engine: Engine) -> Outcome<Table> {
    let names = match engine {
        Engine::Sqlite => &NAMES[..],
        Engine::Postgres => &NAMES[..6],
    };
    let mut lines = Vec::new();
    for name in names.iter().filter(|name| name.contains(filter)) {
        say(format_args!("  {name} …"));
        lines.extend(measured(name, engine).await?);
    }
    Ok(Table { name: "api", on: engine, about: "What clients wait for", lines })
}

async fn measured(name: &str, engine: Engine) -> Outcome<Vec<Line>> {
    match name {
        "login" => hashing::login(engine).await,
        "registration" => hashing::registration(engine).await,
        "verify" => reading::verify(engine).await,
        "user" => reading::user(engine).await,
        "refresh" => refresh::refresh(engine).await,
        "lag" => lag::lag(engine).await,
        "flood" => flood::flood().await,
        "idle" => idle::idle().await,
        _ => growth::growth().await,
    }
}
