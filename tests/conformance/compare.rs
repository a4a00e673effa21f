//! Holds an answer against its expectation and says, part by part, what differs.

mod cookies;
mod placeholder;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use super::scenario::{Expected, Part};
use crate::support::Reply;

pub(super) use cookies::received;

/// Stands in a body that is not compared.
const NOT_JSON: &str = "<not json>";

/// What differs, each as one readable line; nothing where the answer is as expected.
pub(super) fn differences(expected: &Expected, keep: Option<&[Part]>, reply: &Reply) -> Vec<String> {
    let compared = |part: Part| keep.is_none_or(|parts| parts.contains(&part));
    let mut found = Vec::new();
    if compared(Part::Status) && expected.status != reply.status {
        found.push(format!("status: expected {}, got {}", expected.status, reply.status));
    }
    if compared(Part::Body) {
        found.extend(body(expected, reply));
    }
    if compared(Part::Headers) {
        found.extend(headers(expected, reply));
    }
    if compared(Part::Cookies) {
        found.extend(cookies::differences(&expected.cookies, reply));
    }
    found
}

fn body(expected: &Expected, reply: &Reply) -> Vec<String> {
    let Some(wanted) = expected.body.as_ref().filter(|body| body.get(NOT_JSON).is_none()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    match serde_json::from_str(&reply.text) {
        Ok(got) => values("body", wanted, &got, &mut found),
        Err(_) => found.push(format!("body: expected {wanted}, got {:?}", reply.text)),
    }
    found
}

fn values(place: &str, wanted: &Value, got: &Value, found: &mut Vec<String>) {
    match (wanted, got) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                field(&format!("{place}/{name}"), a.get(name), b.get(name), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (wanted, got)) in a.iter().zip(b).enumerate() {
                values(&format!("{place}/{index}"), wanted, got, found);
            }
        }
        _ if placeholder::fits(wanted, got) => {}
        _ => found.push(format!("{place}: expected {wanted}, got {got}")),
    }
}

fn field(place: &str, wanted: Option<&Value>, got: Option<&Value>, found: &mut Vec<String>) {
    match (wanted, got) {
        (Some(wanted), Some(got)) => values(place, wanted, got, found),
        (Some(wanted), None) => found.push(format!("{place}: expected {wanted}, got nothing")),
        (None, Some(got)) => found.push(format!("{place}: expected nothing, got {got}")),
        (None, None) => {}
    }
}

fn headers(expected: &Expected, reply: &Reply) -> Vec<String> {
    let mut found = Vec::new();
    for (name, wanted) in &expected.headers {
        let got = reply.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let same = match &got {
            Some(got) if name == "allow" => methods(wanted) == methods(got),
            Some(got) => wanted == got,
            None => false,
        };
        if !same {
            found.push(format!("header {name}: expected {wanted:?}, got {got:?}"));
        }
    }
    found
}

fn methods(allow: &str) -> BTreeSet<&str> {
    allow.split(',').map(str::trim).collect()
}
