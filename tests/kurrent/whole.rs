//! What the log holds in the end, as `stele log tail` shows it: no event twice, none left out, none before the one that it follows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Account, Lines, Process, Server, number_in, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// All events up to those of someone who registers last.
pub(super) async fn whole_log(server: &Server) -> Vec<Value> {
    let last = server.api().post("registration/", Account::named("lastcomer").registration()).await;
    let end = last.expect(201).position().expect("a position");
    let lines = Lines::default();
    let command = server.home().command(&["log", "tail", "--from", "0", "--json"]);
    let mut tail = Process::spawn(command, &lines);
    let events = wait_for("the log is shown to its end", SOON, async || {
        let shown: Vec<Value> =
            lines.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        shown.iter().any(|event| position(event) >= end).then_some(shown)
    })
    .await;
    tail.stop();
    is_whole(&events);
    events
}

/// How many events of this kind there are.
pub(super) fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}

fn is_whole(events: &[Value]) {
    let (mut ids, mut versions, mut last) = (HashSet::new(), HashMap::new(), 0);
    for event in events {
        assert!(ids.insert(&event["id"]), "twice: {event}");
        let version = versions.entry(event["stream"].to_string()).or_insert(0);
        *version += 1;
        assert_eq!(event["version"], *version, "a version is left out: {event}");
        assert!(position(event) > last, "out of order: {event}");
        last = position(event);
    }
}

fn position(event: &Value) -> u64 {
    number_in(event["position"].as_str().expect("a position"))
}
