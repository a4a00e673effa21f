//! `stele log copy`: makes the log at one URL the same as the one at another, and compares the two at the end.

use serde_json::{Value, json};
use store::log::copy::{Copied, Copy, End, Step, Sum};
use tokio::time::Instant;

use super::{CopyFailed, ends, place::Place};
use crate::{
    command_line::Between,
    operate::{
        OperateError,
        progress::{Progress, Stage},
        say, say_json,
    },
    settings::{Log, Settings},
    table::Table,
};

pub(in crate::operate) async fn copy(settings: &Settings, asked: &Between) -> Result<(), OperateError> {
    let (from, to) = ends(asked, Log::of, Log::is_same)?;
    let source = Place::source(&from).await?;
    let target = Place::target(&to, settings).await?;
    let (start, progress) = (Instant::now(), Progress::new(asked.printed));
    let copied = run(&source, &target, &progress).await;
    progress.clear();
    let (copied, user) = copied?;
    tell(&copied, (&source.shown, &target.shown), start.elapsed().as_secs_f64(), asked)?;
    match copied.end {
        End::Whole => Ok(()),
        End::Behind => Err(CopyFailed::Behind {
            by: user.unwrap_or_else(|| format!("someone writes to {}", source.shown)),
        }
        .into()),
        End::Different => Err(CopyFailed::Different.into()),
    }
}

/// Copies, and answers who uses the source, if anybody does.
async fn run(
    source: &Place,
    target: &Place,
    progress: &Progress,
) -> Result<(Copied, Option<String>), CopyFailed> {
    let mut user = None;
    let show = |step| progress.show(stage(step));
    let copy = Copy { from: source.rows.as_ref(), to: target.rows.as_ref(), progress: &show };
    let copied = copy
        .run(async || {
            user = source.user().await?;
            Ok::<_, CopyFailed>(user.is_none())
        })
        .await?;
    Ok((copied, user))
}

fn stage(step: Step) -> Stage {
    let (name, done, of) = match step {
        Step::Comparing { done, of } => ("comparing what is there", done, of),
        Step::Copying { done, of } => ("copying", done, of),
        Step::ReadingBack { done, of } => ("reading both logs back", done, of),
    };
    Stage { name, done, of, what: "positions" }
}

fn tell(
    copied: &Copied,
    (from, to): (&str, &str),
    seconds: f64,
    asked: &Between,
) -> Result<(), OperateError> {
    if asked.printed.json {
        return say_json(&json!({
            "done": done(copied.end),
            "log_id": copied.log_id,
            "held_before": copied.held,
            "seconds": seconds,
            "source": to_json(from, &copied.source),
            "target": to_json(to, &copied.target),
        }));
    }
    let headers = ["LOG", "EVENTS", "POSITION", "CHECKSUM (SHA-256)"];
    let table = [(from, &copied.source), (to, &copied.target)].into_iter().fold(
        Table::new(headers),
        |table, (place, sum)| {
            let (events, position) = (sum.events.to_string(), sum.position.0.to_string());
            table.row([place, &events, &position, &sum.checksum])
        },
    );
    say(&table.to_string())?;
    if copied.end == End::Whole { say(&sentence(copied, seconds)) } else { Ok(()) }
}

fn sentence(copied: &Copied, seconds: f64) -> String {
    format!(
        "The same log at both places, {}; {} of its events were copied now, in {seconds:.1} s. Positions are the same, so that its \
         vault, its read models and the places of followers fit as they are.",
        copied.log_id,
        copied.target.events.saturating_sub(copied.held)
    )
}

fn to_json(place: &str, sum: &Sum) -> Value {
    json!({ "place": place, "events": sum.events, "position": sum.position.0, "checksum": sum.checksum })
}

const fn done(end: End) -> &'static str {
    match end {
        End::Whole => "copied",
        End::Behind => "behind",
        End::Different => "different",
    }
}
