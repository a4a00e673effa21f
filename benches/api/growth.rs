//! Whether what a request costs grows with the number of users: the same load on a hundred thousand and on a thousand.

use std::time::Duration;

use store::random;

use super::{USERS, WARM};
use crate::{
    engine::Engine,
    failed::Outcome,
    figures::{Line, Unit, grouped},
    load::{self, Client, Plan, clients},
    process::Process,
    rounds::{ROUNDS, Rounds},
    say,
    seed::Seeded,
};

const MANY: u32 = 100_000;
const CLIENTS: u32 = 8;
const SPAN: Duration = Duration::from_secs(2);
/// As many as are asked for; enough that few are asked for twice.
const ASKED_FOR: usize = 20_000;

/// An installation under load.
struct Side {
    seeded: Seeded,
    server: Process,
}

impl Side {
    async fn new(users: u32) -> Outcome<Self> {
        let seeded = Seeded::on(Engine::Sqlite, users).await?;
        let server = seeded.home.serve().await?;
        Ok(Self { seeded, server })
    }

    /// Users drawn at random, each once.
    fn drawn(&self) -> Vec<u32> {
        let mut users: Vec<u32> = (1..=self.seeded.users).collect();
        users.sort_by_cached_key(|_| random::number());
        users.truncate(ASKED_FOR);
        users
    }
}

pub(super) async fn growth() -> Outcome<Vec<Line>> {
    let few = Side::new(USERS).await?;
    say(format_args!("    seeding {MANY} users …"));
    let many = Side::new(MANY).await?;
    let login = compare((&few, &many), |side| Ok(clients::logins(CLIENTS, side.drawn()))).await?;
    let user = compare((&few, &many), |side| clients::readers(&side.seeded, CLIENTS, side.drawn())).await?;
    let refresh =
        compare((&few, &many), |side| clients::refreshers(&side.seeded, CLIENTS, side.drawn())).await?;
    Ok([("login", login), ("GET user", user), ("refresh", refresh)]
        .into_iter()
        .map(|(what, rounds)| {
            let (few, many) = (grouped(USERS), grouped(MANY));
            Line::new(format!("{what}: cost with {many} users to {few}"), Unit::Times, &rounds.ratios())
                .at_most(1.2)
                .detail(rounds.told(&few, &many))
        })
        .collect())
}

/// The few's rate to the many's, which is the many's cost to the few's.
async fn compare<C: Client>(
    (few, many): (&Side, &Side),
    make: impl Fn(&Side) -> Outcome<Vec<C>>,
) -> Outcome<Rounds> {
    let mut rounds = Rounds::default();
    let (mut fewer, mut more) = (make(few)?, make(many)?);
    for _ in 0..ROUNDS {
        let few = load::run(Plan::closed(&few.server, WARM, SPAN), fewer).await?;
        let many = load::run(Plan::closed(&many.server, WARM, SPAN), more).await?;
        rounds.push(&few, &many);
        (fewer, more) = (few.clients, many.clients);
    }
    Ok(rounds)
}
