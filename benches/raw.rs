//! A log's database with nothing around it: its own table and indexes, written and read by plain statements on one connection.
//! What the log is held against.

mod postgres;
mod sqlite;

use std::time::{Duration, Instant};

use sqlx::{PgConnection, SqliteConnection};
use store::{log::to_sql, random};

use crate::{engine::Place, failed::Outcome, seed::scattered};

pub(crate) use postgres::events_a_commit;

/// What is inserted at once.
pub(crate) struct Batch {
    pub(crate) sample: Sample,
    pub(crate) size: u16,
    /// Over how many streams the events are spread; as in life, a stream's name says nothing of when it was begun.
    pub(crate) streams: u64,
}

/// An event's texts, as some real event has them.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) kind: String,
    pub(crate) actor: String,
    pub(crate) data: String,
    pub(crate) sealed: Option<String>,
}

/// What differs from event to event.
struct Row {
    position: i64,
    stream: String,
    version: i64,
    id: [u8; 16],
    correlation: [u8; 16],
}

/// A log's database without the log.
pub(crate) struct Raw {
    connection: Connection,
    position: u64,
}

enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Opens the database, with the log's schema and settings as the log has them; makes it where there is none.
    pub(crate) async fn open(place: &Place) -> Outcome<Self> {
        place.log().await?;
        let (connection, position) = match place {
            Place::File(path) => {
                let (connection, position) = sqlite::open(path).await?;
                (Connection::Sqlite(connection), position)
            }
            Place::Server(url) => {
                let (connection, position) = postgres::open(url).await?;
                (Connection::Postgres(connection), position)
            }
        };
        Ok(Self { connection, position: u64::try_from(position).unwrap_or_default() })
    }

    /// Inserts events for a while, as many with each statement and commit as `batch` says. Answers events a second.
    pub(crate) async fn insert(&mut self, batch: &Batch, span: Duration) -> Outcome<f64> {
        let (start, mut written) = (Instant::now(), 0.0);
        while start.elapsed() < span {
            let rows: Vec<_> = (0..batch.size).map(|_| self.next_row(batch.streams)).collect();
            match &mut self.connection {
                Connection::Sqlite(connection) => sqlite::commit(connection, &batch.sample, &rows).await?,
                Connection::Postgres(connection) => {
                    postgres::commit(connection, &batch.sample, &rows).await?;
                }
            }
            written += f64::from(batch.size);
        }
        Ok(written / start.elapsed().as_secs_f64())
    }

    fn next_row(&mut self, streams: u64) -> Row {
        let (stream, version) = (self.position % streams, self.position / streams + 1);
        self.position += 1;
        Row {
            position: to_sql(self.position),
            stream: format!("session-{}", scattered(stream)),
            version: to_sql(version),
            id: *random::id().as_bytes(),
            correlation: *random::id().as_bytes(),
        }
    }

    /// Reads all events, `page` at a time, and takes each apart no further than the database does. Answers events a second.
    pub(crate) async fn select(&mut self, page: u16) -> Outcome<f64> {
        let (start, mut read, mut after) = (Instant::now(), 0_u32, 0_i64);
        loop {
            let found = match &mut self.connection {
                Connection::Sqlite(connection) => sqlite::page(connection, after, page).await?,
                Connection::Postgres(connection) => postgres::page(connection, after, page).await?,
            };
            let Some((last, count)) = found else { break };
            after = last;
            read += u32::try_from(count).unwrap_or(u32::MAX);
        }
        Ok(f64::from(read) / start.elapsed().as_secs_f64())
    }
}
