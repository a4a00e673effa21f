//! Login and registration, held against what the same pool hashes in a process that does nothing else.

use std::{cell::Cell, rc::Rc, time::Duration};

use api::password::{HashPool, PoolLimits, Secret, Verdict};
use store::random;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{CLIENTS, USERS, WARM};
use crate::{
    failed::{Failed, Outcome},
    figures::Line,
    load::{self, Client, Plan, clients},
    machine,
    process::{Home, Process},
    rounds::{ROUNDS, Rounds},
    seed::{PASSWORD, Seeded},
};

const SPAN: Duration = Duration::from_secs(4);
const LIMIT: &str = "the pool alone";

pub(super) async fn login() -> Outcome<Vec<Line>> {
    let plain = compare(Home::new()?, || Ok(clients::logins(CLIENTS, 1..=USERS))).await?;
    let mut home = Home::new()?;
    home.set("STELE_LIMITS__ENABLED", "true");
    home.set("STELE_LIMITS__LOGIN", "1000000/5m");
    home.set("STELE_LIMITS__NETWORK", "1000000/10m");
    let counted = compare(home, || Ok(clients::logins(CLIENTS, 1..=USERS))).await?;
    Ok(vec![
        plain.line("login, 32 clients", LIMIT).at_least(0.80).aim(0.95),
        counted.line("login, 32 clients, attempts counted", LIMIT),
    ])
}

pub(super) async fn registration() -> Outcome<Vec<Line>> {
    let rounds = compare(Home::new()?, || Ok(clients::newcomers(CLIENTS))).await?;
    Ok(vec![rounds.line("registration, 32 clients", LIMIT).at_least(0.80)])
}

async fn compare<C: Client>(home: Home, make: impl Fn() -> Outcome<Vec<C>>) -> Outcome<Rounds> {
    let seeded = Seeded::at(home, USERS).await?;
    let server = seeded.home.serve().await?;
    let mut rounds = Rounds::default();
    let mut clients = make()?;
    for _ in 0..ROUNDS {
        let load = load::run(plan(&server), clients).await?;
        rounds.push(&load, pool_alone(SPAN / 2).await?);
        clients = load.clients;
    }
    Ok(rounds)
}

fn plan(server: &Process) -> Plan {
    Plan::closed(server, WARM, SPAN)
}

/// Hashes a second of a pool as the server has it, asked by as many callers.
pub(crate) async fn pool_alone(span: Duration) -> Outcome<f64> {
    load::on_its_own_thread(move || hash_for(span)).await
}

async fn hash_for(span: Duration) -> Outcome<f64> {
    let limits =
        PoolLimits { threads: machine::hash_threads(), queue: 64, deadline: Duration::from_secs(10) };
    let pool = HashPool::start(limits)?;
    let secret = || Secret::new(PASSWORD.to_owned());
    let encoded = pool.hash(secret(), random::bytes()).await.map_err(|_| Failed::NotHashed)?;
    let counting = Rc::new(Cell::new(None));
    let mut callers = JoinSet::new();
    for _ in 0..CLIENTS {
        let (pool, encoded, counting) = (pool.clone(), encoded.clone(), Rc::clone(&counting));
        callers.spawn_local(async move {
            let mut hashed = 0_u32;
            while counting.get() != Some(false) {
                let verdict = pool.verify(secret(), Some(encoded.clone())).await;
                if !matches!(verdict, Ok(Verdict::Right)) {
                    return Err(Failed::NotHashed);
                }
                hashed += u32::from(counting.get() == Some(true));
            }
            Ok(hashed)
        });
    }
    sleep(WARM).await;
    counting.set(Some(true));
    let from = Instant::now();
    sleep(span).await;
    counting.set(Some(false));
    let seconds = from.elapsed().as_secs_f64();
    let mut hashed = 0;
    while let Some(caller) = callers.join_next().await {
        hashed += caller.map_err(|_| Failed::ThreadEnded)??;
    }
    Ok(f64::from(hashed) / seconds)
}
