//! `stele park …`: the aggregates that wait at an event which the read models can't take, and another try after a mend.

use domain::Time;
use projections::parked::{self, Parked};
use serde_json::{Value, json};
use store::clock;

use super::{OperateError, Site, say, say_json};
use crate::{
    command_line::{Printed, Retry},
    table::{Table, human_time},
};

pub(super) async fn list(site: &Site<'_>, printed: Printed) -> Result<(), OperateError> {
    let parked = parked::all(site.backends.desk.views()).await?;
    if printed.json {
        return say_json(&parked.iter().map(to_json).collect());
    }
    if parked.is_empty() {
        return say("Nothing is parked.");
    }
    let table = Table::new(["MODEL", "STREAM", "WAITS AT", "SINCE (UTC)", "REASON"]);
    let table = parked.iter().fold(table, |table, one| {
        let (version, since) = (format!("version {}", one.version), human_time(Time(one.parked_at)));
        table.row([&one.projection, &one.stream, &version, &since, &one.reason])
    });
    say(&table.to_string())
}

pub(super) async fn retry(site: &Site<'_>, asked: Retry) -> Result<(), OperateError> {
    let (journal, views) = (&site.backends.journal, site.backends.desk.views());
    let mut chosen = parked::all(views).await?;
    if let Some(stream) = asked.stream {
        chosen.retain(|one| one.stream == stream);
        if chosen.is_empty() {
            return Err(OperateError::NotParked(stream));
        }
    }
    let mut tried = Vec::new();
    for one in chosen {
        let goes_on = projections::retry(journal, views, &one).await?;
        tried.push((one, goes_on));
    }
    if asked.printed.json {
        let outcome = |(one, goes_on): &(Parked, bool)| json!({ "model": one.projection, "stream": one.stream, "goes_on": goes_on });
        say_json(&tried.iter().map(outcome).collect())?;
    } else {
        for (one, goes_on) in &tried {
            let outcome = if *goes_on { "goes on" } else { "still waits, see `stele park list`" };
            say(&format!("{} in {} {outcome}.", one.stream, one.projection))?;
        }
        if tried.is_empty() {
            say("Nothing is parked.")?;
        }
    }
    if tried.iter().all(|(_, goes_on)| *goes_on) { Ok(()) } else { Err(OperateError::Unwell) }
}

fn to_json(parked: &Parked) -> Value {
    json!({
        "model": parked.projection,
        "stream": parked.stream,
        "version": parked.version,
        "position": parked.position,
        "since": clock::rfc3339(Time(parked.parked_at)),
        "reason": parked.reason,
    })
}
