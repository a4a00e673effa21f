//! What a whole set of processes takes when nobody asks for anything: two for requests, and one for each other role.

use crate::{
    engine::Engine,
    failed::Outcome,
    figures::{Line, Spread, Unit, grouped},
    machine,
    nats::Nats,
    process::{Home, Process},
    rounds::ROUNDS,
    seed::{Seeded, at_the_head},
};

use super::BUS;

const USERS: u32 = 10_000;
/// The processes, by role.
const SET: [&str; 6] = ["api", "api", "projector", "relay", "mailer", "revoker"];
/// Whoever follows the log in them, of which one leads.
const LED: [&str; 5] = ["users", "sessions", "mailer", "relay", "revoker"];

pub(super) async fn idle() -> Outcome<Vec<Line>> {
    let (mut seeded, nats) = (Seeded::on(Engine::Postgres, USERS).await?, Nats::start().await?);
    seeded.home.set(BUS, &nats.url);
    // The first ones still have all users to publish.
    sizes(&seeded.home).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(sizes(&seeded.home).await?);
    }
    let sums: Vec<f64> = rounds.iter().map(|sizes| sizes.iter().sum()).collect();
    let each = SET.iter().enumerate().map(|(number, role)| {
        let own: Vec<f64> = rounds.iter().filter_map(|sizes| sizes.get(number).copied()).collect();
        format!("{role} {:.1}", Spread::of(&own).median)
    });
    let each = each.collect::<Vec<_>>().join(", ");
    Ok(vec![
        Line::new("idle set of all roles: memory", Unit::Mebibytes, &sums)
            .at_most(150.0)
            .detail(format!("{} users in the log, before the first login; {each} MiB", grouped(USERS))),
    ])
}

/// MiB of each process once all have come to the head of the log.
async fn sizes(home: &Home) -> Outcome<Vec<f64>> {
    let mut set = Vec::new();
    for (number, role) in SET.iter().enumerate() {
        set.push(home.serve_as(&format!("{role}{number}"), role).await?);
    }
    let mut sizes = Vec::new();
    for process in &set {
        at_the_head(process, &LED).await?;
    }
    for process in &set {
        sizes.push(machine::resident(process.pid())?);
    }
    set.into_iter().try_for_each(Process::stop)?;
    Ok(sizes)
}
