//! What the log holds in the end.

use serde_json::Value;

use crate::support::{Account, Server, audited};

/// All events up to those of someone who registers last.
pub(super) async fn whole_log(server: &Server) -> Vec<Value> {
    let last = server.api().post("registration/", Account::named("lastcomer").registration()).await;
    audited(server, last.expect(201).position().expect("a position")).await
}

/// How many events of this kind there are.
pub(super) fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}
