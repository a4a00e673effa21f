//! The commands beside the server, most of them while it runs: what they print, for people and for programs, and how
//! they end: 0 done, 1 not done, 2 not understood.

mod keys;
mod tail;
mod upkeep;
mod users;

use serde_json::Value;

use crate::support::{Ran, is_panic};

/// The objects that a command printed with `--json`: one, a list, or one a line.
#[track_caller]
fn objects(ran: Ran) -> Vec<Value> {
    let text = ran.succeeded();
    match serde_json::from_str(&text) {
        Ok(Value::Array(objects)) => objects,
        Ok(object) => vec![object],
        Err(_) => text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect(),
    }
}

/// Ended with this code and says why, in words that hold `word`, on standard error alone.
#[track_caller]
fn failed(ran: &Ran, code: i32, word: &str) {
    assert_eq!(ran.code, Some(code), "{ran:#?}");
    assert!(ran.stderr.contains(word) && !ran.stderr.lines().any(is_panic), "{word}: {ran:#?}");
    assert_eq!(ran.stdout, "", "{ran:#?}");
}
