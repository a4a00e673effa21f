//! A log with as many events as are asked for, of every kind that there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::support::Home;

/// Every shape that a stored event ever had: its type and its data.
fn shapes() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("domain/golden");
    let shape = |path: &Path| {
        let golden: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        (golden["type"].as_str().unwrap().to_owned(), golden["data"].to_string())
    };
    fs::read_dir(folder).unwrap().map(|entry| shape(&entry.unwrap().path())).collect()
}

/// Every type that a stored event ever had.
pub(super) fn kinds() -> BTreeSet<String> {
    shapes().into_iter().map(|(kind, _)| kind).collect()
}

/// Makes a log in `log.db` of this home, with events of all shapes on many streams: some sealed, some caused by others, with odd
/// bytes in their text, and a sequence. Answers its URL.
pub(super) async fn log(home: &Home, count: i64) -> String {
    home.run(&["migrate"], "").succeeded();
    let file = home.data().join("log.db");
    let mut log = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    append(&mut log, 1, count).await;
    sqlx::query("insert into sequences (name, last) values ('pk', 17)").execute(&mut log).await.unwrap();
    log.close().await.unwrap();
    format!("sqlite:{}", file.display())
}

/// Adds events up to position `last`, beginning with position `first`.
pub(super) async fn append(log: &mut SqliteConnection, first: i64, last: i64) {
    const STREAMS: i64 = 500;
    const SQL: &str = "insert into events (position, stream, version, id, type, recorded_at, correlation, causation, \
         actor, data, sealed) values (?, ?, ?, randomblob(16), ?, ?, randomblob(16), ?, ?, ?, ?)";
    let shapes = shapes();
    let mut work = log.begin().await.unwrap();
    for position in first..=last {
        let (kind, data) = &shapes[usize::try_from(position).unwrap() % shapes.len()];
        sqlx::query(SQL)
            .bind(position)
            .bind(format!("user-{}", position % STREAMS))
            .bind((position - 1) / STREAMS + 1)
            .bind(kind)
            .bind(1_767_225_600_000_000 + position)
            .bind((position % 3 == 0).then(|| position.to_be_bytes().repeat(2)))
            .bind(if position % 5 == 0 { "anonymous" } else { "user-ä\u{1f5ff}\u{7f}" })
            .bind(data)
            .bind((position % 2 == 0).then(|| format!("{{\"names\":\"é\\\\ {position}\\u0000\"}}")))
            .execute(&mut *work)
            .await
            .unwrap();
    }
    sqlx::query("update log_head set position = ?").bind(last).execute(&mut *work).await.unwrap();
    work.commit().await.unwrap();
}
