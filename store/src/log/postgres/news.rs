//! How a process hears of what others appended: by a notification in the transaction that appends, and by looking all the same. A
//! notification that is lost costs time, never an event. Each look tells the server's clock as well, which all go by.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use domain::Time;
use sqlx::{
    Row,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::head;
use crate::{
    clock,
    log::{Position, batch::announce},
    postgres::Database,
};

/// Carries the position of the newest event. Of no other database of the server is anything heard on it.
pub(super) const CHANNEL: &str = "stele_log";

/// How often the log is looked at, where notifications come and where they can't.
const SELDOM: Duration = Duration::from_millis(500);
const OFTEN: Duration = Duration::from_millis(25);
/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_millis(200);
/// A connection on which nothing was heard for so long is made anew: the other end may be gone without a word.
const SILENCE: Duration = Duration::from_mins(1);
/// By how much the clock of a machine may differ from the server's before that is worth a line, in microseconds.
const APART: u64 = 5_000_000;

/// Tells `grow` of new heads until nobody wants to know.
pub(super) fn follow(database: &Database, grow: &watch::Sender<Position>) {
    let every = if database.has_sessions() { SELDOM } else { OFTEN };
    tokio::spawn(look(database.clone(), every, grow.clone()));
    if database.has_sessions() {
        tokio::spawn(listen(database.clone(), grow.clone()));
    }
}

async fn look(database: Database, every: Duration, grow: watch::Sender<Position>) {
    let mut time = interval(every);
    time.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut differed = false;
    loop {
        tokio::select! {
            () = grow.closed() => return,
            _ = time.tick() => {}
        }
        if let Ok(head) = read(&database).await {
            announce(&grow, head);
        }
        let apart = clock::apart();
        let differs = apart.unsigned_abs() > APART;
        if differs && !differed {
            let seconds = apart / 1_000_000;
            tracing::warn!(
                seconds,
                "the clock of this machine is not that of the log's server, which counts"
            );
        }
        differed = differs;
    }
}

/// The head of the log. What the clock of its server shows counts from now on.
pub(super) async fn read(database: &Database) -> Result<Position, sqlx::Error> {
    const SQL: &str =
        "select position, (extract(epoch from clock_timestamp()) * 1000000)::bigint from log_head";
    let asked = Instant::now();
    let rows = database.rows(|| database.query(SQL)).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    clock::share(Time(row.try_get(1)?), asked);
    Ok(Position::from_sql(row.try_get(0)?))
}

async fn listen(database: Database, grow: watch::Sender<Position>) {
    loop {
        tokio::select! {
            () = grow.closed() => return,
            Err(error) = hear(&database, &grow) => {
                tracing::debug!(%error, "nothing is heard of what others append; the log is looked at meanwhile");
            }
        }
        sleep(PAUSE).await;
    }
}

/// Ends when the connection does.
async fn hear(database: &Database, grow: &watch::Sender<Position>) -> Result<Infallible, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.connect_with(database.url().options().clone()).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    announce(grow, head(database).await?);
    loop {
        let heard = timeout(SILENCE, listener.try_recv()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        // Without a notification the connection was made anew: something may have been missed.
        match heard?.map(|heard| heard.payload().parse()) {
            Some(Ok(position)) => announce(grow, Position(position)),
            Some(Err(_)) | None => announce(grow, head(database).await?),
        }
    }
}
