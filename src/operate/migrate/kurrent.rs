//! The log on KurrentDB, which has no tables: looks through what the server was told of our streams, closes those that it may close, and
//! says what is left to an administrator.

use std::time::Duration;

use store::log::kurrent::{Guard, Guarded, Step, Url};

use super::{OperateError, databases, say};
use crate::{backends::BackendError, settings::Settings};

/// How long it may take to look through a whole server.
const WITHIN: Duration = Duration::from_mins(30);
/// How many limits are told one by one.
const TOLD: usize = 10;

pub(super) async fn migrate(settings: &Settings, url: &Url) -> Result<(), OperateError> {
    let guard = Guard::look(url, WITHIN).await.map_err(BackendError::from)?;
    refuse_limits(&guard, url)?;
    refuse_if_kept_out(&guard, url).await?;
    databases(settings).await?;
    close(&guard).await
}

fn refuse_limits(guard: &Guard, url: &Url) -> Result<(), OperateError> {
    let mut limits = guard.limits();
    if limits.is_empty() {
        return Ok(());
    }
    let more = limits.len().saturating_sub(TOLD);
    limits.truncate(TOLD);
    if more > 0 {
        limits.push(format!("{more} more have limits"));
    }
    Err(OperateError::Limited { log: url.to_string(), limits: limits.join(", ") })
}

async fn refuse_if_kept_out(guard: &Guard, url: &Url) -> Result<(), OperateError> {
    let lists = guard.keeping_out().await?;
    if lists.is_empty() {
        return Ok(());
    }
    let told = |(list, step): &(String, Step)| format!("\n  in {list}: {step}");
    let user = guard.user().unwrap_or("a client without a name").to_owned();
    Err(OperateError::KeptOut { log: url.to_string(), user, steps: lists.iter().map(told).collect() })
}

async fn close(guard: &Guard) -> Result<(), OperateError> {
    let Guarded { set, left } = guard.close().await?;
    say("On KurrentDB no stream of the log has a limit.")?;
    for (stream, metadata) in &set {
        say(&format!("The metadata of {stream} is now {metadata}"))?;
    }
    if set.is_empty() {
        say("Nothing had to be set there.")?;
    }
    for (why, step) in &left {
        say(&format!("\nLeft to an administrator of KurrentDB: {why}.\n  {step}"))?;
    }
    if !left.is_empty() {
        say(
            "\nThe server takes this where EnableAtomPubOverHttp is on; the same event from any other client does as well.",
        )?;
    }
    if guard.user().is_none() {
        say(
            "store.log names no user, so that nobody could be kept from writing to our streams: name one, or let nobody else reach \
             that server.",
        )?;
    }
    Ok(())
}
