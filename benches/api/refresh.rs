//! Refresh with rotation, one durable event each, held against SQLite taking such events in batches.

use std::time::Duration;

use super::{SPAN, USERS, WARM};
use crate::{
    failed::Outcome,
    figures::Line,
    load::{self, Plan, clients},
    rounds::{ROUNDS, Rounds},
    seed::Seeded,
    sqlite::{Batch, Raw, Sample},
};

const CLIENTS: u16 = 64;
const RAW_WARM: Duration = Duration::from_millis(200);

pub(super) async fn refresh() -> Outcome<Vec<Line>> {
    let seeded = Seeded::new(USERS).await?;
    let server = seeded.home.serve().await?;
    let mut raw = Raw::open(&seeded.home.path().join("raw.db")).await?;
    let mut refreshers = clients::refreshers(&seeded, CLIENTS.into(), 1..=USERS)?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let load = load::run(Plan::closed(&server, WARM, SPAN), refreshers).await?;
        let sample = Sample::newest(&seeded.home.data().join("log.db"), "session.refreshed.v1").await?;
        let batch = Batch { sample, size: CLIENTS, streams: USERS.into() };
        let limit = load::on_its_own_thread(move || async move {
            raw.insert(&batch, RAW_WARM).await?;
            let rate = raw.insert(&batch, SPAN).await?;
            Ok((raw, rate))
        });
        let limit = limit.await?;
        rounds.push(&load, limit.1);
        (refreshers, raw) = (load.clients, limit.0);
    }
    let (what, limit) =
        (format!("token/refresh, {CLIENTS} clients"), format!("raw inserts, {CLIENTS} a commit"));
    Ok(vec![rounds.line(&what, &limit).at_least(0.15)])
}
