//! How long after its answer a command shows in the read models, at 500 commands a second. The read models are looked at
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
    failed::{Failed, Outcome},
    figures::{Latencies, Line, Unit},
    load::{self, Load, Noted, Plan, clients, forgotten, noted},
    rounds::{ROUNDS, cores},
    seed::Seeded,
};

/// 250 of each kind a second: 25 clients, each every 100 ms.
const CLIENTS: u32 = 25;
const EVERY: Duration = Duration::from_millis(100);
const SPAN: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn lag(engine: Engine) -> Outcome<Vec<Line>> {
    let seeded = Seeded::on(engine, USERS).await?;
    let server = seeded.home.serve().await?;
    let (mut middle, mut worst, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let (first, second) = (1..=USERS / 2, USERS / 2 + 1..=USERS);
    let mut refreshers = noted(clients::refreshers(&seeded, CLIENTS, first)?);
    let mut renamers = noted(clients::renamers(&seeded, CLIENTS, second)?);
    for _ in 0..ROUNDS {
        let over = Arc::new(AtomicBool::new(false));
        let watch = watch(seeded.home.views.clone(), Arc::clone(&over));
        let load = async {
            let plan = Plan::open(&server, EVERY, SPAN);
            let loads = tokio::try_join!(load::run(plan, refreshers), load::run(plan, renamers));
            // The last commands still have to arrive.
            sleep(Duration::from_secs(1)).await;
            over.store(true, Relaxed);
            loads
        };
        let (seen, loads) = tokio::try_join!(watch, load)?;
        let (refreshed, renamed) = loads;
        let mut lags = seen.lags(SessionRow::NAME, &refreshed)?;
        lags.extend(seen.lags(UserRow::NAME, &renamed)?);
        let lags = Latencies::new(lags);
        middle.push(lags.percentile(50));
        worst.push(lags.percentile(99));
        shares.push(refreshed.shares);
        (refreshers, renamers) = (forgotten(refreshed.clients), forgotten(renamed.clients));
    }
    let rate = f64::from(CLIENTS) / EVERY.as_secs_f64();
    let detail = format!("{rate:.0} refreshes and {rate:.0} changes of names a second; {}", cores(&shares));
    Ok(vec![
        Line::new("from the answer to the read model, p99", Unit::Milliseconds, &worst)
            .at_most(if engine == Engine::Postgres { 50.0 } else { 25.0 })
            .detail(detail),
        Line::new("from the answer to the read model, p50", Unit::Milliseconds, &middle)
            .detail("looked for every millisecond, so that up to one of them is the bench's own"),
    ])
}

/// How far each read model was seen to have come, and when.
struct Seen(Vec<(Instant, String, Position)>);

impl Seen {
    /// From each answer to the first look at which the model told of its command.
    fn lags<C>(&self, model: &str, load: &Load<Noted<C>>) -> Outcome<Vec<Duration>> {
        let steps: Vec<_> = self.0.iter().filter(|(_, name, _)| name == model).collect();
        let answers = load.clients.iter().flat_map(|noted| &noted.answers);
        answers
            .map(|(answered, position)| {
                let first = steps.partition_point(|(_, _, reached)| reached < position);
                let (seen, ..) = steps.get(first).ok_or(Failed::Late("a command shows in its read model"))?;
                Ok(seen.saturating_duration_since(*answered))
            })
            .collect()
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
