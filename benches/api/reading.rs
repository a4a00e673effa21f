//! Requests that write nothing, held against a bare handler that takes and answers the same bytes.

use super::{CLIENTS, SPAN, USERS, WARM};
use crate::{
    engine::Engine,
    failed::Outcome,
    figures::Line,
    load::{self, Plan, clients, clients::Repeated},
    process::Process,
    rounds::{ROUNDS, Rounds},
    seed::Seeded,
};

const LIMIT: &str = "a bare handler";

pub(super) async fn verify(engine: Engine) -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(engine, USERS).await?;
    let rounds = compare(&seeded, || clients::verifications(&seeded, CLIENTS, 1..=USERS)).await?;
    Ok(vec![rounds.line(&format!("token/verify, {CLIENTS} clients"), LIMIT).at_least(0.60)])
}

pub(super) async fn user(engine: Engine) -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(engine, USERS).await?;
    let rounds = compare(&seeded, || clients::readers(&seeded, CLIENTS, 1..=USERS)).await?;
    Ok(vec![rounds.line(&format!("GET user, {CLIENTS} clients"), LIMIT).at_least(0.08).aim(0.20)])
}

async fn compare(seeded: &Seeded, make: impl Fn() -> Outcome<Vec<Repeated>>) -> Outcome<Rounds> {
    let server = seeded.home.serve().await?;
    let bare = Process::start_bare(seeded.home.path()).await?;
    let mut rounds = Rounds::default();
    let (mut ours, mut theirs) = (make()?, make()?);
    for _ in 0..ROUNDS {
        let load = load::run(Plan::closed(&server, WARM, SPAN), ours).await?;
        let limit = load::run(Plan::closed(&bare, WARM, SPAN), theirs).await?;
        rounds.push(&load, &limit);
        (ours, theirs) = (load.clients, limit.clients);
    }
    Ok(rounds)
}
