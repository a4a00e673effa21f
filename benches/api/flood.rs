//! Five hundred clients log in at once: what it does to memory, to everyone else, and to those who are turned away.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use tokio::{sync::Barrier, task::JoinSet, time::Instant};

use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    figures::{Latencies, Line, Spread, Unit},
    load::{self, Connection, Plan, clients},
    machine,
    process::Process,
    rounds::ROUNDS,
    seed::{self, Seeded},
};

const CROWD: u32 = 500;
/// Bystanders of each kind, and how often each asks: 200 requests a second of each kind.
const BYSTANDERS: u32 = 4;
const EVERY: Duration = Duration::from_millis(20);
/// Longer than the last of the crowd waits.
const SPAN: Duration = Duration::from_secs(4);

/// What one flood came to.
struct Round {
    let_in: f64,
    turned_away: Latencies,
    reading: Latencies,
    verifying: Latencies,
}

pub(super) async fn flood() -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(Engine::Sqlite, CROWD).await?;
    let mut rounds = Vec::new();
    let mut peaks = Vec::new();
    for _ in 0..ROUNDS {
        let server = seeded.home.serve().await?;
        rounds.push(round(&seeded, &server).await?);
        peaks.push(machine::resident_at_most(server.pid())?);
    }
    let each = |of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
    let middle = |of| Spread::of(&each(of)).median;
    let crowd = format!(
        "of {CROWD}, {:.0} were let in and {:.0} answered 503, which is all",
        middle(|round| round.let_in),
        middle(|round| round.turned_away.count()),
    );
    let refused = format!(
        "from the sending of each login to its answer; half of them within {:.1} ms, the last after {:.0} ms",
        middle(|round| round.turned_away.percentile(50)),
        middle(|round| round.turned_away.percentile(100)),
    );
    let bystanders = format!(
        "{:.0} requests a second on {BYSTANDERS} connections beside the flood",
        f64::from(BYSTANDERS) / EVERY.as_secs_f64(),
    );
    let milliseconds = |what, of| Line::new(what, Unit::Milliseconds, &each(of));
    Ok(vec![
        Line::new(format!("{CROWD} log in at once: memory at most"), Unit::Mebibytes, &peaks)
            .at_most(200.0)
            .detail(crowd),
        milliseconds("… GET user meanwhile, p99", |round| round.reading.percentile(99))
            .at_most(25.0)
            .detail(bystanders.as_str()),
        milliseconds("… token/verify meanwhile, p99", |round| round.verifying.percentile(99))
            .at_most(25.0)
            .detail(bystanders),
        milliseconds("… 503 of the overflow, p99", |round| round.turned_away.percentile(99))
            .at_most(50.0)
            .detail(refused),
    ])
}

async fn round(seeded: &Seeded, server: &Process) -> Outcome<Round> {
    let users = || 1..=CROWD;
    let plan = Plan::open(server, EVERY, SPAN);
    let reading = load::run(plan, clients::readers(seeded, BYSTANDERS, users())?);
    let verifying = load::run(plan, clients::verifications(seeded, BYSTANDERS, users())?);
    let address = server.address;
    let crowd = load::on_its_own_thread(move || storm(address));
    let (reading, verifying, crowd) = tokio::try_join!(reading, verifying, crowd)?;
    seed::caught_up(server).await?;
    let (let_in, turned_away) = crowd;
    Ok(Round { let_in, turned_away, reading: reading.latencies, verifying: verifying.latencies })
}

/// Everyone connects, and then all of them log in at the same moment. Answers how many were let in, and how soon the
/// others were turned away.
async fn storm(address: SocketAddr) -> Outcome<(f64, Latencies)> {
    let gate = Rc::new(Barrier::new(usize::try_from(CROWD).unwrap_or_default()));
    let mut crowd = JoinSet::new();
    for user in 1..=CROWD {
        let (mut connection, gate) = (Connection::open(address).await?, Rc::clone(&gate));
        crowd.spawn_local(async move {
            let request = clients::login(user);
            gate.wait().await;
            let sent = Instant::now();
            let answer = connection.exchange(&request).await?;
            match answer.status {
                503 => Ok(Some(sent.elapsed())),
                _ => answer.expect(200).map(|()| None),
            }
        });
    }
    let (mut let_in, mut turned_away) = (0.0, Vec::new());
    while let Some(answered) = crowd.join_next().await {
        match answered.map_err(|_| Failed::ThreadEnded)?? {
            None => let_in += 1.0,
            Some(after) => turned_away.push(after),
        }
    }
    Ok((let_in, Latencies::new(turned_away)))
}
