//! `stele log tail`: prints events as they are recorded. What is sealed in them stays sealed.

use std::io::{self, Write};

use serde_json::{Value, json};
use store::{EventLog, Position, Recorded, clock};

use super::{OperateError, Site, say};
use crate::{command_line::Tail, table::human_time};

const BATCH: u32 = 500;

/// Goes on until it is stopped, or nobody reads the output any more.
pub(super) async fn tail(site: &Site<'_>, tail: Tail) -> Result<(), OperateError> {
    let log = site.backends.journal.log();
    let mut place = match tail.from {
        Some(text) => start(log.as_ref(), &text).ok_or(OperateError::NoPosition(text))?,
        None => log.head().await?,
    };
    if place >= log.head().await? {
        writeln!(io::stderr(), "stele: waiting for events after {}", place.to_text(log.log_id()))?;
    }
    let mut grown = log.grown();
    loop {
        grown.borrow_and_update();
        let batch = log.read_all(place, BATCH).await?;
        for event in &batch {
            let line =
                if tail.printed.json { to_json(log.as_ref(), event).to_string() } else { to_line(event) };
            match say(&line) {
                Err(OperateError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(());
                }
                outcome => outcome?,
            }
            place = event.position;
        }
        if batch.is_empty() && grown.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// A position as answers carry it, or its number alone.
pub(super) fn start(log: &dyn EventLog, text: &str) -> Option<Position> {
    let number = text.strip_prefix(log.log_id()).and_then(|rest| rest.strip_prefix('-')).unwrap_or(text);
    number.parse().ok().map(Position)
}

fn to_line(event: &Recorded) -> String {
    format!(
        "{:>8}  {}  {:<32}  {:<34}  {}  {}",
        event.position.0,
        human_time(event.recorded_at),
        event.event.kind,
        shortened(event.stream.as_str()),
        event.event.actor,
        event.event.data
    )
}

/// The long hash of a claim stream says nothing to people.
fn shortened(stream: &str) -> String {
    const LONGEST: usize = 34;
    if stream.chars().count() <= LONGEST {
        return stream.to_owned();
    }
    let start: String = stream.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}

fn to_json(log: &dyn EventLog, event: &Recorded) -> Value {
    let data: Value = serde_json::from_str(&event.event.data).unwrap_or_default();
    let sealed: Value = event
        .event
        .sealed
        .as_deref()
        .and_then(|sealed| serde_json::from_str(sealed).ok())
        .unwrap_or_default();
    let sealed: Vec<&String> = sealed.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    json!({
        "position": event.position.to_text(log.log_id()),
        "type": event.event.kind,
        "stream": event.stream.as_str(),
        "version": event.version,
        "recorded_at": clock::rfc3339(event.recorded_at),
        "id": event.event.id,
        "correlation": event.event.correlation,
        "causation": event.event.causation,
        "actor": event.event.actor,
        "data": data,
        "sealed": sealed,
    })
}
