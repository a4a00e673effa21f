//! Plays the steps of a scenario against a running server, one after the other, until one answers otherwise.

use std::time::Duration;

use serde_json::Value;

use super::compare::{differences, received};
use super::fill::Captured;
use super::scenario::{Link, Operation, Request, Scenario, Step};
use super::site::Site;
use crate::support::{Mail, Reply};

/// What differs at the first step that does; later steps build on it and would only repeat the failure.
pub(super) async fn replay(site: &Site, scenario: &Scenario) -> Vec<String> {
    let mut captured = Captured::default();
    for (index, step) in scenario.steps.iter().enumerate() {
        let (name, found) = match step {
            Step::Request(request) => (label(request), play(site, request, &mut captured).await),
            Step::Operation(operation) => {
                ("operation".to_owned(), operate(site, operation, &mut captured).await)
            }
        };
        if !found.is_empty() {
            let title = format!("step {} of {}, {name}", index + 1, scenario.steps.len());
            return [vec![title], found].concat();
        }
    }
    Vec::new()
}

fn label(request: &Request) -> String {
    let note = request.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    let deviation = if request.deviation { " [deviation]" } else { "" };
    format!("{} {}{note}{deviation}", request.method, request.path)
}

async fn play(site: &Site, request: &Request, captured: &mut Captured) -> Vec<String> {
    let reply = send(site, request, captured).await;
    let mut found = differences(&request.expect, request.keep.as_deref(), &reply);
    for (name, place) in &request.capture {
        match find(place, &reply) {
            Some(value) => captured.keep(name, value),
            None => found.push(format!("capture {name}: nothing at {place}")),
        }
    }
    if !found.is_empty() {
        found.push(format!("the answer was {} {}", reply.status, reply.text));
    }
    found
}

async fn send(site: &Site, request: &Request, captured: &Captured) -> Reply {
    let mut call = site.api().await.request(&request.method, &captured.text(&request.path));
    if let Some(auth) = &request.auth {
        call = call.header("authorization", captured.text(auth));
    }
    if !request.cookies.is_empty() {
        let cookies = captured.map(&request.cookies);
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        call = call.header("cookie", pairs.join("; "));
    }
    if let Some(json) = &request.json {
        call = call.json(&captured.json(json));
    } else if let Some(form) = &request.form {
        call = call.form(&captured.map(form));
    } else if let Some(raw) = &request.raw {
        let kind = request.content_type.as_deref().unwrap_or("application/json");
        call = call.header("content-type", kind).body(captured.text(raw));
    }
    Reply::to(call).await
}

/// `/json-pointer` or `cookie:NAME`.
fn find(place: &str, reply: &Reply) -> Option<String> {
    if let Some(name) = place.strip_prefix("cookie:") {
        return received(reply).remove(name).map(|cookie| cookie.value);
    }
    let body: Value = serde_json::from_str(&reply.text).ok()?;
    match body.pointer(place)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

async fn operate(site: &Site, operation: &Operation, captured: &mut Captured) -> Vec<String> {
    match operation {
        Operation::Deactivate { username, .. } => {
            let output = site.run(&["user", "disable", username]);
            let failed = format!("disable: {output:?}");
            if output.code == Some(0) { Vec::new() } else { vec![failed] }
        }
        Operation::Mail { to, capture, name, expect } => {
            let prefix = name.as_deref().unwrap_or("mail");
            let there = mail(site, &captured.text(to), capture.map(|link| (link, prefix)), captured).await;
            let missing = format!("mail to {to}: expected {}, got {there}", expect.mail);
            if there == expect.mail { Vec::new() } else { vec![missing] }
        }
        Operation::MailCount { to, expect } => {
            let count = site.mails().await.iter().filter(|mail| mail.is_to(to)).count();
            let other = format!("mails to {to}: expected {}, got {count}", expect.count);
            if count == expect.count { Vec::new() } else { vec![other] }
        }
        Operation::Sleep { seconds, .. } => {
            tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
            Vec::new()
        }
    }
}

/// Whether there is a mail with the wanted link; its values are captured under the prefix.
async fn mail(site: &Site, to: &str, wanted: Option<(Link, &str)>, captured: &mut Captured) -> bool {
    match wanted {
        None => site.newest(to, |mail| Some(mail.file.clone())).await.is_some(),
        Some((Link::Key, prefix)) => {
            let key = site.newest(to, Mail::verify_key).await;
            key.map(|key| captured.keep(format!("{prefix}.key"), key)).is_some()
        }
        Some((Link::Reset, prefix)) => {
            let Some((uid, token)) = site.newest(to, Mail::reset_link).await else {
                return false;
            };
            captured.keep(format!("{prefix}.uid"), uid);
            captured.keep(format!("{prefix}.token"), token);
            true
        }
    }
}
