//! Two api processes on one PostgreSQL, held against one, with as many clients in all. The work behind requests is in a process
//! of its own in both cases. An answer that is not as it should be ends the bench.

use super::{SPAN, USERS, WARM};
use crate::{
    engine::Engine,
    failed::Outcome,
    figures::{Line, Unit},
    load::{self, Client, Plan, clients},
    process::Process,
    rounds::{ROUNDS, Rounds, Side},
    seed::Seeded,
};

/// As many as on one process elsewhere.
const CLIENTS: u32 = super::CLIENTS;
const REFRESHERS: u32 = 64;

pub(super) async fn nodes() -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(Engine::Postgres, USERS).await?;
    let _work = seeded.home.serve_as("work", "projector,mailer").await?;
    let first = seeded.home.serve_as("first", "api").await?;
    let second = seeded.home.serve_as("second", "api").await?;
    let nodes = (&first, &second);
    let login = compare(nodes, clients::logins(CLIENTS, 1..=USERS)).await?;
    let user = compare(nodes, clients::readers(&seeded, CLIENTS, 1..=USERS)?).await?;
    let refresh = compare(nodes, clients::refreshers(&seeded, REFRESHERS, 1..=USERS)?).await?;
    let compared = [("login", CLIENTS, login), ("GET user", CLIENTS, user), ("refresh", REFRESHERS, refresh)];
    let line = |(what, clients, rounds): (&str, u32, Rounds)| {
        Line::new(
            format!("two api processes to one: {what}, {clients} clients"),
            Unit::Times,
            &rounds.ratios(),
        )
        .at_least(0.85)
        .detail(rounds.told("two", "one"))
    };
    Ok(compared.map(line).into())
}

/// All clients on the first, and half of them on each of both, by turns.
async fn compare<C: Client>((first, second): (&Process, &Process), clients: Vec<C>) -> Outcome<Rounds> {
    let plan = |node| Plan::closed(node, WARM, SPAN);
    let (mut rounds, mut clients) = (Rounds::default(), clients);
    for _ in 0..ROUNDS {
        let alone = load::run(plan(first), clients).await?;
        let limit = Side::from(&alone);
        let mut half = alone.clients;
        let rest = half.split_off(half.len() / 2);
        let (one, other) = tokio::try_join!(load::run(plan(first), half), load::run(plan(second), rest))?;
        rounds.push(Side::both(&one, &other), limit);
        clients = one.clients.into_iter().chain(other.clients).collect();
    }
    Ok(rounds)
}
