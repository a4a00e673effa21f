//! What an auditor sees: the whole log as `stele log tail` shows it, wherever it is kept. No event twice, none left out, none before the
//! one that it follows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::{Lines, Process, Server, number_in, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// All events up to the one at `end`, and perhaps some more.
pub(crate) async fn audited(server: &Server, end: u64) -> Vec<Value> {
    let lines = Lines::default();
    let command = server.home().command(&["log", "tail", "--from", "0", "--json"]);
    let mut tail = Process::spawn(command, &lines);
    let events = wait_for("the log is shown to its end", SOON, async || {
        let shown: Vec<Value> =
            lines.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        shown.iter().any(|event| place(event) >= end).then_some(shown)
    })
    .await;
    tail.stop();
    is_whole(&events);
    events
}

/// Where an event stands that was shown.
pub(crate) fn place(event: &Value) -> u64 {
    number_in(event["position"].as_str().expect("a position"))
}

fn is_whole(events: &[Value]) {
    let (mut ids, mut versions, mut last) = (HashSet::new(), HashMap::new(), 0);
    for event in events {
        assert!(ids.insert(&event["id"]), "twice: {event}");
        let version = versions.entry(event["stream"].to_string()).or_insert(0);
        *version += 1;
        assert_eq!(event["version"], *version, "a version is left out: {event}");
        assert!(place(event) > last, "out of order: {event}");
        last = place(event);
    }
}
