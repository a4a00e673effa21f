//! How long after its answer a command shows in the read models. The read models are looked at
//! from outside, in their own database, as often as it goes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use projections::{ReadModel, SessionRow, UserRow};
use sqlx::{Connection, PgConnection, SqliteConnection};
use store::{
    Position,
    sqlite::{self, Role},
};
use tokio::time::{Instant, sleep};

use super::USERS;
use crate::{
    engine::{Engine, Place},
    failed::Outcome,
    figures::Line,
    lag::{self, Command},
    load,
    seed::Seeded,
};

const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn lag(engine: Engine) -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(engine, USERS).await?;
    let server = seeded.home.serve().await?;
    let watch = async |over| watch(seeded.home.views.clone(), over).await;
    let (worst, middle) = lag::lags("the read model", (&seeded, USERS), &server, watch).await?;
    Ok(vec![
        worst.at_most(if engine == Engine::Postgres { 50.0 } else { 25.0 }),
        middle.detail("looked for every millisecond, so that up to one of them is the bench's own"),
    ])
}

/// How far each read model was seen to have come, and when.
struct Seen(Vec<(Instant, String, Position)>);

impl lag::Seen for Seen {
    /// The first look at which the model told of the command.
    fn seen(&self, command: Command, position: Position) -> Option<Instant> {
        let model = match command {
            Command::Refresh => SessionRow::NAME,
            Command::Rename => UserRow::NAME,
        };
        let mut steps = self.0.iter().filter(|(_, name, _)| name == model);
        steps.find(|(_, _, reached)| *reached >= position).map(|(at, ..)| *at)
    }
}

/// Looks at the checkpoints, which are written together with the rows that they vouch for.
async fn watch(views: Place, over: Arc<AtomicBool>) -> Outcome<Seen> {
    const SQL: &str = "select role, position from kept_checkpoints";
    load::on_its_own_thread(move || async move {
        match views {
            Place::File(path) => {
                let options = sqlite::options(&path, Role::Views).create_if_missing(false).read_only(true);
                let mut connection = SqliteConnection::connect_with(&options).await?;
                look_until(&over, async || Ok(sqlx::query_as(SQL).fetch_all(&mut connection).await?)).await
            }
            Place::Server(url) => {
                let mut connection = PgConnection::connect(&url).await?;
                look_until(&over, async || Ok(sqlx::query_as(SQL).fetch_all(&mut connection).await?)).await
            }
        }
    })
    .await
}

async fn look_until(
    over: &AtomicBool,
    mut look: impl AsyncFnMut() -> Outcome<Vec<(String, i64)>>,
) -> Outcome<Seen> {
    let mut seen: Vec<(Instant, String, Position)> = Vec::new();
    while !over.load(Relaxed) {
        let rows = look().await?;
        let at = Instant::now();
        for (role, position) in rows {
            let position = Position::from_sql(position);
            let known = seen.iter().rev().find(|(_, name, _)| *name == role);
            if known.is_none_or(|(_, _, known)| *known < position) {
                seen.push((at, role, position));
            }
        }
        sleep(LOOK).await;
    }
    Ok(Seen(seen))
}
