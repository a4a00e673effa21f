//! The event log as its database holds it, read beside the server: for what no answer shows.

use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, FromRow};

/// The database of a log.
#[derive(Clone)]
pub(crate) struct Log(String);

/// What the log says of an event without unsealing anything.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) position: u64,
    pub(crate) stream: String,
    pub(crate) version: u64,
    pub(crate) kind: String,
    /// Microseconds since the Unix epoch.
    pub(crate) recorded_at: i64,
    pub(crate) data: String,
}

impl Log {
    /// `sqlite:…` or `postgres://…`.
    pub(crate) fn at(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// How many events a stream holds.
    pub(crate) async fn length_of(&self, stream: &str) -> u64 {
        let lengths = self.ask("select count(*) from events where stream = $1", &[stream]).await;
        let [(length,)]: [(i64,); 1] = lengths.try_into().unwrap();
        length.try_into().unwrap()
    }

    /// How many events the log holds; their positions go up to this number without a gap.
    pub(crate) async fn length(&self) -> u64 {
        let found = self.ask("select count(*), coalesce(max(position), 0) from events", &[]).await;
        let [(length, last)]: [(i64, i64); 1] = found.try_into().unwrap();
        assert_eq!(length, last, "positions have gaps");
        length.try_into().unwrap()
    }

    /// All events, in the order of their positions, which are dense. The versions of each stream have no gap, and no
    /// event of a stream was recorded before the one that it follows.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let sql = "select position, stream, version, type, recorded_at, data from events order by position";
        let rows: Vec<(i64, String, i64, String, i64, String)> = self.ask(sql, &[]).await;
        let event = |(position, stream, version, kind, recorded_at, data): (i64, _, i64, _, _, _)| Event {
            position: position.try_into().unwrap(),
            stream,
            version: version.try_into().unwrap(),
            kind,
            recorded_at,
            data,
        };
        let events: Vec<Event> = rows.into_iter().map(event).collect();
        are_whole(&events);
        events
    }

    async fn ask<T>(&self, sql: &'static str, values: &[&str]) -> Vec<T>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        if self.0.starts_with("sqlite:") {
            let mut log = SqliteConnection::connect(&self.0).await.unwrap();
            let query = values.iter().fold(sqlx::query_as(sql), |query, value| query.bind(*value));
            let rows = query.fetch_all(&mut log).await.unwrap();
            log.close().await.unwrap();
            return rows;
        }
        let mut log = PgConnection::connect(&self.0).await.unwrap();
        // The role may be set to anything.
        sqlx::raw_sql("set statement_timeout = 0").execute(&mut log).await.unwrap();
        let query = values.iter().fold(sqlx::query_as(sql), |query, value| query.bind(*value));
        let rows = query.fetch_all(&mut log).await.unwrap();
        log.close().await.unwrap();
        rows
    }
}

/// The number in a position, behind the id of its log.
#[track_caller]
pub(crate) fn number_in(position: &str) -> u64 {
    let number = position.rsplit_once('-').and_then(|(_, digits)| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no position: {position:?}"))
}

fn are_whole(events: &[Event]) {
    let mut tails: HashMap<&str, (u64, i64)> = HashMap::new();
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, position, "a position is left out before {event:?}");
        let tail = tails.entry(&event.stream).or_default();
        assert_eq!(event.version, tail.0 + 1, "a version is left out before {event:?}");
        assert!(event.recorded_at >= tail.1, "the clock of a stream went back: {event:?}");
        *tail = (event.version, event.recorded_at);
    }
}
