//! Login and registration, held against what the same pool hashes in a process that does nothing else.

use std::time::Duration;

use super::{CLIENTS, USERS, WARM};
use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    figures::Line,
    load::{self, Client, Plan, clients},
    machine,
    process::{Home, Process},
    rounds::{ROUNDS, Rounds},
    seed::{PASSWORD, Seeded},
};
use api::password::{HashPool, PoolLimits, Secret, Verdict};
use store::random;

const SPAN: Duration = Duration::from_secs(4);
const LIMIT: &str = "the pool alone";

pub(super) async fn login(engine: Engine) -> Outcome<Vec<Line>> {
    let plain = compare(Home::new(engine)?, || Ok(clients::logins(CLIENTS, 1..=USERS))).await?;
    let mut home = Home::new(engine)?;
    home.set("STELE_LIMITS__ENABLED", "true");
    home.set("STELE_LIMITS__LOGIN", "1000000/5m");
    home.set("STELE_LIMITS__NETWORK", "1000000/10m");
    let counted = compare(home, || Ok(clients::logins(CLIENTS, 1..=USERS))).await?;
    let what = format!("login, {CLIENTS} clients");
    Ok(vec![
        plain.line(&what, LIMIT).at_least(0.80).aim(0.95),
        counted.line(&format!("{what}, attempts counted"), LIMIT),
    ])
}

pub(super) async fn registration(engine: Engine) -> Outcome<Vec<Line>> {
    let rounds = compare(Home::new(engine)?, || Ok(clients::newcomers(CLIENTS))).await?;
    Ok(vec![rounds.line(&format!("registration, {CLIENTS} clients"), LIMIT).at_least(0.80)])
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
    let (seat, secret) = (|pool: &HashPool| pool.enter("bench"), || Secret::new(PASSWORD.to_owned()));
    let seated = seat(&pool).map_err(|_| Failed::NotHashed)?;
    let encoded = pool.hash(seated, secret(), random::bytes()).await.map_err(|_| Failed::NotHashed)?;
    load::rate_of(CLIENTS, (WARM, span), || {
        let (pool, encoded) = (pool.clone(), encoded.clone());
        async move || {
            let seated = seat(&pool).map_err(|_| Failed::NotHashed)?;
            match pool.verify(seated, secret(), Some(encoded.clone())).await {
                Ok(Verdict::Right) => Ok(()),
                _ => Err(Failed::NotHashed),
            }
        }
    })
    .await
}
