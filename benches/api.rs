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

use crate::{failed::Outcome, report::Table, say};

/// How long one measurement runs in, and for how long it counts.
const WARM: Duration = Duration::from_millis(700);
const SPAN: Duration = Duration::from_millis(2500);

/// Users of the installation that most lines are measured on.
const USERS: u32 = 1000;
const CLIENTS: u32 = 32;

/// Measures every line whose name holds `filter`.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut lines = Vec::new();
    macro_rules! measured {
        ($($name:literal => $measure:expr),+ $(,)?) => {
            $(if $name.contains(filter) {
                say(format_args!("  {} …", $name));
                lines.extend($measure.await?);
            })+
        };
    }
    measured! {
        "login" => hashing::login(),
        "registration" => hashing::registration(),
        "verify" => reading::verify(),
        "user" => reading::user(),
        "refresh" => refresh::refresh(),
        "flood" => flood::flood(),
        "idle" => idle::idle(),
        "lag" => lag::lag(),
        "growth" => growth::growth(),
    }
    Ok(Table { name: "api", about: "What clients wait for", lines })
}
