//! What the server takes when nobody has come yet, and how soon it takes requests, with ten thousand users in the log.

use crate::{
    engine::Engine,
    failed::Outcome,
    figures::{Line, Unit, grouped},
    machine,
    rounds::ROUNDS,
    seed::{self, Seeded},
};

const USERS: u32 = 10_000;

pub(super) async fn idle() -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(Engine::Sqlite, USERS).await?;
    let (mut memory, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let server = seeded.home.serve().await?;
        ready.push(server.ready_after.as_secs_f64() * 1000.0);
        seed::caught_up(&server).await?;
        memory.push(machine::resident(server.pid())?);
        server.stop()?;
    }
    let users = grouped(USERS);
    Ok(vec![
        Line::new("idle after start: memory", Unit::Mebibytes, &memory)
            .at_most(40.0)
            .detail(format!("{users} users in the log, before the first login")),
        Line::new("start to `listening on`", Unit::Milliseconds, &ready)
            .at_most(300.0)
            .detail(format!("{users} users in the log, read models as the last run left them")),
    ])
}
