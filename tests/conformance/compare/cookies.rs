//! The cookies of an answer (RFC 6265 section 4.1), compared by name, by being set or cleared, and by attributes.

use std::collections::BTreeMap;

use super::super::scenario::Cookie;
use crate::support::Reply;

/// A cookie as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) value: String,
    attributes: Vec<(String, String)>,
}

/// The cookies of an answer by name.
pub(crate) fn received(reply: &Reply) -> BTreeMap<String, Received> {
    let lines = reply.headers.get_all("set-cookie").iter();
    lines.map(|line| parse(line.to_str().expect("a cookie is ASCII"))).collect()
}

pub(super) fn differences(expected: &BTreeMap<String, Cookie>, reply: &Reply) -> Vec<String> {
    let got = received(reply);
    let mut found = Vec::new();
    for name in got.keys().filter(|name| !expected.contains_key(*name)) {
        found.push(format!("cookie {name}: expected none, got {:?}", got[name]));
    }
    for (name, wanted) in expected {
        match got.get(name) {
            None => found.push(format!("cookie {name}: expected one, got none")),
            Some(cookie) if cookie.fits(wanted) => {}
            Some(cookie) => found.push(format!("cookie {name}: expected {wanted:?}, got {cookie:?}")),
        }
    }
    found
}

impl Received {
    fn fits(&self, wanted: &Cookie) -> bool {
        let mut attributes = wanted.attrs.clone();
        attributes.sort();
        let as_wanted = if wanted.set { self.is_set() } else { self.is_cleared() };
        as_wanted && self.names() == attributes
    }

    fn is_set(&self) -> bool {
        !self.value.is_empty() && !self.is_expired()
    }

    fn is_cleared(&self) -> bool {
        self.value.is_empty() && self.is_expired()
    }

    fn is_expired(&self) -> bool {
        let epoch = |value: &str| value.contains("1970");
        self.attributes.iter().any(|(name, value)| match name.as_str() {
            "max-age" => value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "expires" => epoch(value),
            _ => false,
        })
    }

    /// `name=value` in lower case, sorted; the two times without their value.
    fn names(&self) -> Vec<String> {
        let shown = |(name, value): &(String, String)| match name.as_str() {
            "expires" | "max-age" => name.clone(),
            _ if value.is_empty() => name.clone(),
            _ => format!("{name}={}", value.to_lowercase()),
        };
        let mut names: Vec<String> = self.attributes.iter().map(shown).collect();
        names.sort();
        names
    }
}

fn parse(line: &str) -> (String, Received) {
    let mut pieces = line.split(';').map(str::trim);
    let pair = |piece: &str| match piece.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()),
        None => (piece.to_owned(), String::new()),
    };
    let (name, value) = pair(pieces.next().expect("a cookie has a name"));
    let attributes = pieces.map(pair).map(|(name, value)| (name.to_lowercase(), value)).collect();
    (name, Received { value, attributes })
}
