//! Refresh with rotation, one durable event each, held against such events that take no other way: raw batches on SQLite, the
//! log itself on PostgreSQL.

use std::time::Duration;

use super::{SPAN, USERS, WARM};
use crate::{
    engine::{Engine, Place},
    failed::Outcome,
    figures::Line,
    load::{self, Plan, clients},
    log::{CROWD, rate_of_appending},
    process::Home,
    raw::{Batch, Raw, Sample},
    rounds::{ROUNDS, Rounds},
    seed::Seeded,
};

const CLIENTS: u16 = 64;
const RAW_WARM: Duration = Duration::from_millis(200);

pub(super) async fn refresh(engine: Engine) -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(engine, USERS).await?;
    let server = seeded.home.serve().await?;
    let beside = engine.place(seeded.home.path(), "raw");
    let mut refreshers = clients::refreshers(&seeded, CLIENTS.into(), 1..=USERS)?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let load = load::run(Plan::closed(&server, WARM, SPAN), refreshers).await?;
        rounds.push(&load, limit(&seeded.home, beside.clone()).await?);
        refreshers = load.clients;
    }
    let what = format!("token/refresh, {CLIENTS} clients");
    Ok(vec![match engine {
        Engine::Sqlite => rounds.line(&what, &format!("raw inserts, {CLIENTS} a commit")).at_least(0.15),
        Engine::Postgres => rounds.line(&what, &format!("the log, {CROWD} writers")).at_least(0.1),
    }])
}

/// Events a second that are written to another database beside the server's.
async fn limit(home: &Home, beside: Place) -> Outcome<f64> {
    let Place::File(log) = &home.log else {
        return load::on_its_own_thread(move || async move { rate_of_appending(&beside, CROWD).await }).await;
    };
    let sample = Sample::newest(log, "session.refreshed.v1").await?;
    let batch = Batch { sample, size: CLIENTS, streams: USERS.into() };
    load::on_its_own_thread(move || async move {
        let mut raw = Raw::open(&beside).await?;
        raw.insert(&batch, RAW_WARM).await?;
        raw.insert(&batch, SPAN).await
    })
    .await
}
