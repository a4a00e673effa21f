//! `./bench rebuild`: read models made anew from a long log while the server serves, held against reading the same log and
//! doing nothing with it.

use std::{process::Stdio, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    figures::{Line, Unit, grouped},
    load, log,
    process::{Ended, Home},
    report::Table,
    rounds::{ROUNDS, Rounds},
    say,
    seed::{EVENTS_PER_USER, Seeded},
};

const USERS: u32 = 100_000;
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn measure() -> Outcome<Table> {
    say(format_args!("  seeding {USERS} users …"));
    let seeded = Seeded::on(Engine::Sqlite, USERS).await?;
    let _server = seeded.home.serve().await?;
    let (mut rounds, mut rates) = (Rounds::default(), Vec::new());
    for round in 1..=ROUNDS {
        say(format_args!("  rebuild {round} of {ROUNDS} …"));
        let rate = f64::from(USERS * EVENTS_PER_USER) / rebuild(&seeded.home).await?;
        let place = seeded.home.log.clone();
        let reading = load::on_its_own_thread(move || async move { log::rate_of_reading_at(&place).await });
        rounds.push(rate, reading.await?);
        rates.push(rate);
    }
    let lines = vec![
        Line::new("rebuild of both read models, events a second", Unit::PerSecond, &rates)
            .at_least(50_000.0)
            .detail(format!(
                "{} events of {} users, half of them claims, which no model is made from and which stay where they are; from the \
                 start of `stele rebuild` to its end, beside an idle server",
                grouped(USERS * EVENTS_PER_USER),
                grouped(USERS),
            )),
        rounds.line("rebuild, to reading the log alone", "read_all"),
    ];
    Ok(Table { name: "rebuild", on: None, about: "Read models made anew", lines })
}

/// Seconds that `stele rebuild` takes.
async fn rebuild(home: &Home) -> Outcome<f64> {
    let mut command = home.command(&["rebuild", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let start = Instant::now();
    let mut child = Ended(command.spawn()?);
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.0.try_wait()? {
            let seconds = start.elapsed().as_secs_f64();
            return if status.success() { Ok(seconds) } else { Err(Failed::Command("stele rebuild")) };
        }
        sleep(Duration::from_millis(5)).await;
    }
    Err(Failed::Late("read models are made anew"))
}
