//! Whether the server can be reached. When somebody has waited for it in vain it is looked for, and until it is found nobody else
//! waits: a flood of requests would pile up behind it. And which connections may have been lost with another one. Knows no statement.

#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, Connection};
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use super::{CONNECT, Url, is_lost};

/// How long to wait before a server that is away is looked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// What the handles of one database know of their server. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Reach(Arc<Known>);

#[derive(Default)]
struct Known {
    is_looked_for: AtomicBool,
    is_away: AtomicBool,
    /// When a connection was found to be lost the last time.
    lost: Mutex<Option<Instant>>,
}

impl Reach {
    /// Fails while the server is away. Whoever asks again at once leaves the search its turn: those who ask in a loop would
    /// otherwise hold every thread, and nobody would find the server.
    pub(super) async fn check(&self) -> Result<(), sqlx::Error> {
        if self.0.is_away.load(Ordering::Acquire) {
            yield_now().await;
            return Err(away());
        }
        Ok(())
    }

    /// Whether a connection of this age may have been lost together with another one, as by a restart of the server.
    pub(super) fn may_be_lost(&self, age: Duration) -> bool {
        self.0.lost().is_some_and(|lost| lost.elapsed() <= age)
    }

    /// Has the server looked for, if this outcome says that it was waited for in vain, and keeps in mind that a connection is lost.
    pub(super) fn learn<T>(&self, url: &Url, outcome: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if outcome.as_ref().is_err_and(was_handed_out) {
            *self.0.lost() = Some(Instant::now());
        }
        let in_vain = matches!(outcome, Err(sqlx::Error::PoolTimedOut));
        if in_vain && !self.0.is_looked_for.swap(true, Ordering::AcqRel) {
            tokio::spawn(look_for(url.clone(), Arc::downgrade(&self.0)));
        }
        outcome
    }
}

impl Known {
    fn lost(&self) -> MutexGuard<'_, Option<Instant>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when the server is there, or nobody wants to know any more.
async fn look_for(url: Url, known: Weak<Known>) {
    loop {
        let answer = ask(&url).await;
        let Some(known) = known.upgrade() else { return };
        let is_away = answer.as_ref().is_err_and(is_nobody);
        if known.is_away.swap(is_away, Ordering::AcqRel) != is_away {
            tell(&url, answer);
        }
        if !is_away {
            known.is_looked_for.store(false, Ordering::Release);
            return;
        }
        drop(known);
        sleep(PAUSE).await;
    }
}

/// A pooler takes connections for a server that is away: only a statement shows that somebody is behind it.
async fn ask(url: &Url) -> Result<(), sqlx::Error> {
    let answer = async {
        let mut connection = url.options().connect().await?;
        sqlx::raw_sql("select 1").execute(&mut connection).await?;
        connection.close().await
    };
    timeout(CONNECT, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// A server that refuses for another reason is there, and whoever waits may still get what others give back.
fn is_nobody(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut) || is_lost(error)
}

/// Whether it was at work that a connection was lost: one that can't be made says nothing of those that there are, and one that rested
/// for too long nothing of the others.
fn was_handed_out(error: &sqlx::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        sqlx::Error::Io(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        }
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02")),
        _ => false,
    }
}

fn tell(url: &Url, answer: Result<(), sqlx::Error>) {
    match answer {
        Ok(()) => tracing::info!(database = %url, "the server is back"),
        Err(error) => {
            tracing::warn!(database = %url, %error, "the server is away: until it is back, nobody waits for it");
        }
    }
}

fn away() -> sqlx::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the server is away, and looked for already").into()
}
