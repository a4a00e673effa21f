//! `./bench api`: what clients wait for, each as a ratio to a limit that was measured in the same run, or as it is.

mod backlog;
mod flood;
mod growth;
mod hashing;
mod idle;
mod lag;
mod nodes;
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

/// What can be measured alone, on either engine and on one of them only.
const ON_BOTH: [&str; 6] = ["login", "registration", "verify", "user", "refresh", "lag"];
const ON_SQLITE: [&str; 3] = ["flood", "idle", "growth"];
const ON_POSTGRES: [&str; 2] = ["nodes", "backlog"];

/// Measures what has `filter` in its name.
pub(crate) async fn measure(filter: &str, engine: Engine) -> Outcome<Table> {
    let alone = match engine {
        Engine::Sqlite => &ON_SQLITE[..],
        Engine::Postgres => &ON_POSTGRES,
    };
    let mut lines = Vec::new();
    for name in ON_BOTH.iter().chain(alone).filter(|name| name.contains(filter)) {
        say(format_args!("  {name} …"));
        lines.extend(measured(name, engine).await?);
    }
    Ok(Table { name: "api", on: engine.flag(), about: "What clients wait for", lines })
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
        "nodes" => nodes::nodes().await,
        "backlog" => backlog::backlog().await,
        _ => growth::growth().await,
    }
}
