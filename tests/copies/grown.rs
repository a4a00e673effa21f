//! A log that moves on as an installation grows, and comes home again: SQLite, PostgreSQL, KurrentDB, SQLite. Each copy is killed on its
//! way and goes on, and what comes home is what went out.

use std::time::Duration;

use kurrent_double::Call;
use serde_json::Value;

use super::killed::{killed_when, position};
use super::whole::is_whole;
use super::{Held, arguments, file, filled};
use crate::support::{Home, Kurrent, Lines, OWNER, Postgres, Process, is_long, tell};

/// The long form takes minutes for each copy.
const PATIENCE: Duration = Duration::from_mins(20);

/// Copies all that is left, and answers what that told.
fn copy(home: &Home, from: &str, to: &str) -> Value {
    let lines = Lines::default();
    let command = home.command(&[&arguments(from, to)[..], &["--json"]].concat());
    let ended = Process::spawn(command, &lines).exit_within(PATIENCE).expect("it comes to its end");
    let lines = lines.all();
    assert!(ended.success(), "{lines:?}");
    lines.iter().find_map(|line| serde_json::from_str(line).ok()).expect("a report")
}

/// Copies, is killed when a sixth has arrived, and copies the rest.
async fn moves(home: &Home, (from, to): (&str, &str), count: i64, arrived: impl AsyncFn() -> i64) -> Value {
    killed_when(home, (from, to), async || arrived().await >= count / 6).await;
    let finished = copy(home, from, to);
    is_whole(&finished, count);
    let held = finished["held_before"].as_i64().expect("a number");
    assert!((1..count).contains(&held), "{held} events were there");
    let rest = u32::try_from(count - held).expect("a few");
    let rate = f64::from(rest) / finished["seconds"].as_f64().expect("a time");
    let scheme = |url: &str| url.split(':').next().unwrap_or_default().to_owned();
    tell(&format!(
        "{} to {}: killed at {held} of {count} events; then {rate:.0} a second, with comparing and reading back",
        scheme(from),
        scheme(to)
    ));
    finished["target"]["checksum"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_log_grows_from_sqlite_to_postgres_and_kurrentdb_and_comes_home_as_it_was() {
    let count = if is_long() { 100_000 } else { 12_000 };
    let (home, kurrent) = (Home::new(&[]), Kurrent::double().await);
    let (source, database) = (filled::log(&home, count).await, Postgres::shared().database());
    let (postgres, back) = (database.url(OWNER), file(&home, "back.db"));
    let appended = async || i64::try_from(kurrent.served(Call::Append, "")).expect("a number");
    let sums = [
        moves(&home, (&source, &postgres), count, async || position(&postgres).await).await,
        moves(&home, (&postgres, kurrent.url()), count, appended).await,
        moves(&home, (kurrent.url(), &back), count, async || position(&back).await).await,
    ];
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    let held = Held::at(&source).await;
    assert!(Held::at(&postgres).await == held, "on PostgreSQL it is another log");
    assert!(Held::at(&back).await == held, "it came home another log");
}
