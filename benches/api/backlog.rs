//! A projector that is started with a long log behind it: how large it grows, and how soon the read models tell of everything.

use projections::{ReadModel, SessionRow, UserRow};
use tokio::time::Instant;

use crate::{
    failed::Outcome,
    figures::{Line, Unit, grouped},
    machine,
    rounds::ROUNDS,
    seed::{EVENTS_PER_USER, Seeded, at_the_head},
};

/// As many registrations with a session, and refreshes of each session after them.
const USERS: u32 = 10_000;
const REFRESHES: u32 = 6;
const EVENTS: u32 = USERS * (EVENTS_PER_USER + REFRESHES);

pub(super) async fn backlog() -> Outcome<Vec<Line>> {
    let mut seeded = Seeded::unread(USERS, REFRESHES).await?;
    let (mut rates, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        seeded.home.forget_views();
        let start = Instant::now();
        let projector = seeded.home.serve_as("projector", "projector").await?;
        at_the_head(&projector, &[UserRow::NAME, SessionRow::NAME]).await?;
        rates.push(f64::from(EVENTS) / start.elapsed().as_secs_f64());
        sizes.push(machine::resident_at_most(projector.pid())?);
        projector.stop()?;
    }
    let what = format!("{} events of backlog", grouped(EVENTS));
    Ok(vec![
        Line::new(format!("{what}: memory at most"), Unit::Mebibytes, &sizes).at_most(150.0).detail(format!(
            "{} registrations with their sessions, each of which was refreshed {REFRESHES} times",
            grouped(USERS)
        )),
        Line::new("… into the read models, events a second", Unit::PerSecond, &rates)
            .at_least(20_000.0)
            .detail("from the start of a projector on empty read models until it lags behind by nothing"),
    ])
}
