//! `stele nats setup` and `stele relay --from`: what Stele keeps on NATS, made and looked over, and events published once more.

use std::sync::Arc;

use nkeys::{KeyPair, KeyPairType};
use serde_json::json;
use store::random;
use workers::{
    bus::{self, EventStream, STREAM, SetUp},
    nats::Access,
    relay::{Again, Outward, RELAY, RelayError, publish_again},
};

use super::{OperateError, Site, log_tail::start, say, say_json};
use crate::{
    command_line::{Printed, Relay},
    settings::Settings,
};

/// What no client of a server can see of it.
pub(super) const UNSEEN: &str =
    "whether the server syncs what it acknowledges (sync_interval: always) can't be seen from here";

pub(super) async fn setup(settings: &Settings, printed: Printed) -> Result<(), OperateError> {
    let stream = EventStream::open(access(settings)?, RELAY).await.map_err(RelayError::from)?;
    let SetUp { made, faults } = bus::set_up(&stream).await.map_err(RelayError::from)?;
    if printed.json {
        say_json(&json!({ "server": stream.version(), "made": made, "faults": faults }))?;
    } else {
        say(&format!("On a server of version {}:", stream.version()))?;
        for name in [STREAM, bus::MAILER.name, bus::REVOKER.name, bus::BUCKET] {
            let outcome = if made.contains(&name) { "is made" } else { "is there already" };
            say(&format!("{name} {outcome}."))?;
        }
        for fault in &faults {
            say(&format!("Not as it should be: {fault}."))?;
        }
        say(&format!("Nothing but the log is relied on; still, {UNSEEN}."))?;
    }
    if faults.is_empty() { Ok(()) } else { Err(OperateError::Unwell) }
}

/// The seed on the first line, the public key on the second.
pub(super) fn key(printed: Printed) -> Result<(), OperateError> {
    let pair = KeyPair::new_from_raw(KeyPairType::User, random::bytes::<32>())?;
    let (seed, public) = (pair.seed()?, pair.public_key());
    if printed.json {
        say_json(&json!({ "seed": seed, "public": public }))
    } else {
        say(&format!("{seed}\n{public}"))
    }
}

pub(super) async fn publish(site: &Site<'_>, asked: Relay) -> Result<(), OperateError> {
    let (settings, log) = (site.settings, site.backends.journal.log());
    let access = access(settings)?;
    let place = start(log.as_ref(), &asked.from).ok_or(OperateError::NoPosition(asked.from))?;
    let source = settings.links(settings.api.listen).public_url;
    let mut outward = Outward::new(Arc::clone(log), source);
    let again = publish_again(access, &mut outward, place).await?;
    let first = match again {
        Again::From(position) => Some(position.to_text(log.log_id())),
        Again::Nothing => None,
    };
    if asked.printed.json {
        return say_json(&json!({ "stream": STREAM, "from": first }));
    }
    match first {
        Some(first) => {
            say(&format!("{first} is published again. The relay goes on from there, as soon as one runs."))
        }
        None => {
            say("Nothing is published again: there is nothing public there that is older than two minutes.")
        }
    }
}

fn access(settings: &Settings) -> Result<&Access, OperateError> {
    settings.bus.nats().ok_or(OperateError::NoBus)
}
