//! How long after its answer a command is seen somewhere, at 500 commands a second. Knows the commands and their times, not where
//! they are looked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use store::Position;
use tokio::time::{Instant, sleep};

use crate::{
    failed::{Failed, Outcome},
    figures::{Latencies, Line, Unit},
    load::{self, Load, Noted, Plan, clients, forgotten, noted},
    process::Process,
    rounds::{ROUNDS, cores},
    seed::Seeded,
};

/// 250 of each kind a second: 25 clients, each every 100 ms.
const CLIENTS: u32 = 25;
const EVERY: Duration = Duration::from_millis(100);
const SPAN: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    /// Of a session.
    Refresh,
    /// Of a user.
    Rename,
}

/// What somebody saw who looked for the commands.
pub(crate) trait Seen {
    /// When a command that was recorded at this position was seen; none, if it was not.
    fn seen(&self, command: Command, position: Position) -> Option<Instant>;
}

/// The lines of the 99th and of the 50th percentile of the time from an answer `to` where it is looked for. `watch` looks until it
/// is told that all is over. One half of the users refreshes, the other changes its name.
pub(crate) async fn lags<S: Seen>(
    to: &str,
    (seeded, users): (&Seeded, u32),
    server: &Process,
    mut watch: impl AsyncFnMut(Arc<AtomicBool>) -> Outcome<S>,
) -> Outcome<(Line, Line)> {
    let (mut middle, mut worst, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let (first, second) = (1..=users / 2, users / 2 + 1..=users);
    let mut refreshers = noted(clients::refreshers(seeded, CLIENTS, first)?);
    let mut renamers = noted(clients::renamers(seeded, CLIENTS, second)?);
    for _ in 0..ROUNDS {
        let over = Arc::new(AtomicBool::new(false));
        let load = async {
            let plan = Plan::open(server, EVERY, SPAN);
            let loads = tokio::try_join!(load::run(plan, refreshers), load::run(plan, renamers));
            // The last commands still have to arrive.
            sleep(Duration::from_secs(1)).await;
            over.store(true, Relaxed);
            loads
        };
        let (seen, (refreshed, renamed)) = tokio::try_join!(watch(Arc::clone(&over)), load)?;
        let mut lags = waited(&seen, Command::Refresh, &refreshed)?;
        lags.extend(waited(&seen, Command::Rename, &renamed)?);
        let lags = Latencies::new(lags);
        middle.push(lags.percentile(50));
        worst.push(lags.percentile(99));
        shares.push(refreshed.shares);
        (refreshers, renamers) = (forgotten(refreshed.clients), forgotten(renamed.clients));
    }
    let rate = f64::from(CLIENTS) / EVERY.as_secs_f64();
    let detail = format!("{rate:.0} refreshes and {rate:.0} changes of names a second; {}", cores(&shares));
    let line = |percentile, rounds: &[f64]| {
        Line::new(format!("from the answer to {to}, p{percentile}"), Unit::Milliseconds, rounds)
    };
    Ok((line(99, &worst).detail(detail), line(50, &middle)))
}

/// From each answer to the moment at which its command was seen, which may be the earlier one.
fn waited<C>(seen: &impl Seen, command: Command, load: &Load<Noted<C>>) -> Outcome<Vec<Duration>> {
    let answers = load.clients.iter().flat_map(|noted| &noted.answers);
    answers
        .map(|(answered, position)| {
            let at = seen.seen(command, *position).ok_or(Failed::Late("a command is seen"))?;
            Ok(at.saturating_duration_since(*answered))
        })
        .collect()
}
