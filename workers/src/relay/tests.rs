//! The relay: what it says of which event, what it leaves out, and that both stay as they are.

mod chaining;
mod schema;
mod words;

use std::{fs, path::PathBuf, sync::Arc};

use domain::Time;
use serde_json::Value;
use store::{
    EventLog, NewEvent, Position, Recorded, StreamId,
    log::{MemoryLog, OneByOne},
};
use uuid::Uuid;

use super::Outward;

const SOURCE: &str = "https://auth.example.com";

/// A file of the repository's folder of stored events: the one place that holds an event of each shape.
fn golden() -> Vec<(String, Recorded)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../domain/golden");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut events: Vec<_> = files
        .map(|path| {
            let event: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), recorded(&event))
        })
        .collect();
    events.sort_by(|one, other| one.0.cmp(&other.0));
    events
}

/// As the first of its stream.
fn recorded(event: &Value) -> Recorded {
    let kind = event["type"].as_str().unwrap();
    let key = match kind.split('.').next().unwrap() {
        "session" => "0123456789abcdef".to_owned(),
        "mail" => Uuid::from_u128(9).to_string(),
        _ => "1234567890123456".to_owned(),
    };
    Recorded {
        event: new_event(1, kind, &event["data"]),
        stream: StreamId::named(format!("{}-{key}", kind.split('.').next().unwrap())),
        version: 1,
        position: Position(17),
        recorded_at: Time(1_767_225_600_123_456),
    }
}

fn new_event(id: u128, kind: &str, data: &Value) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(id),
        kind: kind.to_owned(),
        correlation: Uuid::from_u128(7),
        causation: None,
        actor: "anonymous".to_owned(),
        data: data.to_string(),
        sealed: None,
    }
}

fn log() -> Arc<dyn EventLog> {
    Arc::new(OneByOne(MemoryLog::new()))
}

async fn told(recorded: &Recorded) -> Option<Value> {
    let mut outward = Outward::new(log(), SOURCE.to_owned());
    let message = outward.message(recorded).await.unwrap()?;
    Some(serde_json::from_slice(&message.body).unwrap())
}
