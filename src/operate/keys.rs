//! `stele keys …`: the keys that sign tokens, and a new one in their place.

use api::token::keyring::SigningKey;
use domain::Time;
use serde_json::{Value, json};
use store::clock;

use super::{OperateError, Site, say, say_json};
use crate::{
    command_line::Printed,
    signing_keys::{all, dead_at, rotate as new_key},
    table::{Table, human_time},
};

/// What a key does now.
enum State {
    Coming(Time),
    Signing,
    /// It signs nothing new, and verifies until then.
    Published(Time),
    Dead,
}

pub(super) async fn list(site: &Site<'_>, printed: Printed) -> Result<(), OperateError> {
    let keys = all(site.backends.journal.vault()).await?;
    let shown = keys.iter().map(|key| (key, state(site, key)));
    if printed.json {
        return say_json(&shown.map(|(key, state)| to_json(key, &state)).collect());
    }
    let table = shown.fold(Table::new(["KEY", "ALGORITHM", "STATE", "MADE (UTC)"]), |table, (key, state)| {
        let made = human_time(Time(key.created_at));
        table.row([key.kid.clone(), key.algorithm.to_string(), state.to_string(), made])
    });
    say(&table.to_string())
}

pub(super) async fn rotate(site: &Site<'_>, printed: Printed) -> Result<(), OperateError> {
    let key = new_key(site.backends.journal.vault(), site.settings.jwt.algorithm).await?;
    let from = Time(key.created_at);
    if printed.json {
        return say_json(&to_json(&key, &State::Coming(from)));
    }
    let until = human_time(dead_at(from, &site.settings.jwt.rules));
    say(&format!(
        "Key {} signs from {} UTC on. Older keys stay published until their last token is dead, at {until} UTC.",
        key.kid,
        human_time(from)
    ))
}

fn state(site: &Site<'_>, key: &SigningKey) -> State {
    let now = clock::now();
    match key.retired_at.map(Time) {
        Some(retired) if now >= dead_at(retired, &site.settings.jwt.rules) => State::Dead,
        Some(retired) if now >= retired => State::Published(dead_at(retired, &site.settings.jwt.rules)),
        _ if Time(key.created_at) > now => State::Coming(Time(key.created_at)),
        _ => State::Signing,
    }
}

fn to_json(key: &SigningKey, state: &State) -> Value {
    let (name, until) = match state {
        State::Coming(_) => ("coming", None),
        State::Signing => ("signing", None),
        State::Published(until) => ("published", Some(clock::rfc3339(*until))),
        State::Dead => ("dead", None),
    };
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm.as_str(),
        "state": name,
        "signs_from": clock::rfc3339(Time(key.created_at)),
        "published_until": until,
    })
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Coming(from) => write!(f, "signs from {}", human_time(*from)),
            Self::Signing => f.write_str("signs"),
            Self::Published(until) => write!(f, "published until {}", human_time(*until)),
            Self::Dead => f.write_str("dead"),
        }
    }
}
