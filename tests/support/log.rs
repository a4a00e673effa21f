//! The event log as its database holds it, read beside the server: for what no answer shows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};

#[derive(Clone)]
pub(crate) struct Log(PathBuf);

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
    pub(crate) fn at(file: &Path) -> Self {
        Self(file.to_owned())
    }

    /// How many events a stream holds.
    pub(crate) async fn length_of(&self, stream: &str) -> u64 {
        let sql = "select count(*) from events where stream = ?";
        let mut log = self.open().await;
        let length: i64 = sqlx::query_scalar(sql).bind(stream).fetch_one(&mut log).await.unwrap();
        log.close().await.unwrap();
        length.try_into().unwrap()
    }

    /// How many events the log holds; their positions go up to this number without a gap.
    pub(crate) async fn length(&self) -> u64 {
        let sql = "select count(*), coalesce(max(position), 0) from events";
        let mut log = self.open().await;
        let (length, last): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut log).await.unwrap();
        log.close().await.unwrap();
        assert_eq!(length, last, "positions have gaps");
        length.try_into().unwrap()
    }

    /// All events, in the order of their positions, which are dense. The versions of each stream have no gap, and no
    /// event of a stream was recorded before the one that it follows.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let sql = "select position, stream, version, type, recorded_at, data from events order by position";
        let mut log = self.open().await;
        let rows = sqlx::query(sql).fetch_all(&mut log).await.unwrap();
        log.close().await.unwrap();
        let events: Vec<Event> = rows.iter().map(event).collect();
        are_whole(&events);
        events
    }

    async fn open(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(&self.0).connect().await.unwrap()
    }
}

/// The number in a position, behind the id of its log.
#[track_caller]
pub(crate) fn number_in(position: &str) -> u64 {
    let number = position.rsplit_once('-').and_then(|(_, digits)| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no position: {position:?}"))
}

fn event(row: &SqliteRow) -> Event {
    Event {
        position: row.get::<i64, _>("position").try_into().unwrap(),
        stream: row.get("stream"),
        version: row.get::<i64, _>("version").try_into().unwrap(),
        kind: row.get("type"),
        recorded_at: row.get("recorded_at"),
        data: row.get("data"),
    }
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
