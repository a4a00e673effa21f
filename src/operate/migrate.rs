//! `stele migrate`: brings the databases to the version of this binary. On KurrentDB, which has no tables, it looks through what the
//! server was told of our streams, closes those that it may close, and says what is left to an administrator.

#[cfg(feature = "kurrent")]
use std::time::Duration;

#[cfg(feature = "kurrent")]
use store::log::kurrent::{Guard, Guarded};

use super::{OperateError, Site, say};
use crate::settings::Settings;
#[cfg(feature = "kurrent")]
use crate::{backends::BackendError, settings::Log};

/// How long it may take to look through a whole server.
#[cfg(feature = "kurrent")]
const WITHIN: Duration = Duration::from_mins(30);
/// How many limits are told one by one.
#[cfg(feature = "kurrent")]
const TOLD: usize = 10;

pub(super) async fn migrate(settings: &Settings) -> Result<(), OperateError> {
    #[cfg(feature = "kurrent")]
    let guard = look(settings).await?;
    Site::open_or_make(settings).await?;
    say("The databases are at the version of this binary.")?;
    #[cfg(feature = "kurrent")]
    if let Some(guard) = guard {
        close(&guard).await?;
    }
    Ok(())
}

/// Nothing, where the log is not on KurrentDB. A log of which events are taken away is refused.
#[cfg(feature = "kurrent")]
async fn look(settings: &Settings) -> Result<Option<Guard>, OperateError> {
    let Log::Kurrent(url) = &settings.store.log else { return Ok(None) };
    let guard = Guard::look(url, WITHIN).await.map_err(BackendError::from)?;
    let mut limits = guard.limits();
    if limits.is_empty() {
        return Ok(Some(guard));
    }
    let more = limits.len().saturating_sub(TOLD);
    limits.truncate(TOLD);
    if more > 0 {
        limits.push(format!("{more} more have limits"));
    }
    Err(OperateError::Limited { log: url.to_string(), limits: limits.join(", ") })
}

#[cfg(feature = "kurrent")]
async fn close(guard: &Guard) -> Result<(), OperateError> {
    let Guarded { set, left } = guard.close().await?;
    say("On KurrentDB no stream of the log has a limit.")?;
    for (stream, metadata) in &set {
        say(&format!("The metadata of {stream} is now {metadata}"))?;
    }
    if set.is_empty() {
        say("Nothing had to be set there.")?;
    }
    if guard.user().is_none() {
        return say(
            "store.log names no user, so that nobody could be kept from writing to our streams: name one, or let nobody else reach \
             that server.",
        );
    }
    for (why, step) in &left {
        say(&format!("\nLeft to an administrator of KurrentDB: {why}.\n  {step}"))?;
    }
    if !left.is_empty() {
        say(
            "\nThe server takes this where EnableAtomPubOverHttp is on; the same event from any other client does as well.",
        )?;
    }
    Ok(())
}
