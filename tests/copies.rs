//! `stele log copy` and `stele vault copy`: all arrives as it was, however often the copy is killed, and nothing else is ever written
//! over.

mod filled;
#[cfg(feature = "kurrent")]
mod grown;
mod killed;
mod moved;
mod refused;
mod vaults;
mod whole;

use serde_json::Value;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::support::{Home, Ran};

/// All columns of an event, in the order in which the tables have them.
type Row = (i64, String, i64, Vec<u8>, String, i64, Vec<u8>, Option<Vec<u8>>, String, String, Option<String>);

/// All that a log at a URL holds: the id and the place of its head, its events, its sequences.
#[derive(Debug, PartialEq)]
struct Held {
    head: (String, i64),
    events: Vec<Row>,
    sequences: Vec<(String, i64)>,
}

const HEAD: &str = "select log_id, position from log_head";
const EVENTS: &str = "select position, stream, version, id, type, recorded_at, correlation, causation, actor, data, sealed \
     from events order by position";
const SEQUENCES: &str = "select name, last from sequences order by name";

impl Held {
    async fn at(url: &str) -> Self {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let mut log = SqliteConnection::connect(path).await.unwrap();
            let head = sqlx::query_as(HEAD).fetch_one(&mut log).await.unwrap();
            let events = sqlx::query_as(EVENTS).fetch_all(&mut log).await.unwrap();
            let sequences = sqlx::query_as(SEQUENCES).fetch_all(&mut log).await.unwrap();
            log.close().await.unwrap();
            return Self { head, events, sequences };
        }
        let mut log = PgConnection::connect(url).await.unwrap();
        let head = sqlx::query_as(HEAD).fetch_one(&mut log).await.unwrap();
        let events = sqlx::query_as(EVENTS).fetch_all(&mut log).await.unwrap();
        let sequences = sqlx::query_as(SEQUENCES).fetch_all(&mut log).await.unwrap();
        log.close().await.unwrap();
        Self { head, events, sequences }
    }
}

/// The URL of a log in a file of this name.
fn file(home: &Home, name: &str) -> String {
    format!("sqlite:{}", home.path().join(name).display())
}

fn arguments<'a>(from: &'a str, to: &'a str) -> [&'a str; 6] {
    ["log", "copy", "--from", from, "--to", to]
}

fn copy(home: &Home, from: &str, to: &str) -> Ran {
    home.run(&[&arguments(from, to)[..], &["--json"]].concat(), "")
}

/// What a copy told that ended with this code.
#[track_caller]
fn report(ran: &Ran, code: i32) -> Value {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("a report")
}
