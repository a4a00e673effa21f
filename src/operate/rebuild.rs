//! `stele rebuild`: has the read models made anew, compared or switched back, and tells what came of it.

use projections::{
    Rebuild,
    rebuild::{self, Model, Report, Step},
};
use serde_json::{Value, json};
use store::{EventLog, views::Views};
use tokio::time::Instant;

use super::{
    OperateError, Site,
    progress::{Progress, Stage},
    say, say_json,
};
use crate::{
    command_line::{Printed, Rebuild as Asked},
    file_lock::beside,
    rebuild_lock,
    settings::Settings,
    table::Table,
};

/// What was done.
#[derive(Debug, Clone, Copy)]
enum Done {
    Replaced,
    Compared,
    RolledBack,
}

pub(super) async fn rebuild(settings: &Settings, asked: &Asked) -> Result<(), OperateError> {
    // No server is kept from starting: it does not mind a rebuild beside it.
    let site = if asked.check { untouched(settings).await? } else { Site::open_settled(settings).await?.0 };
    let views = site.backends.desk.views();
    let lock = rebuild_lock::claim(settings, views).await?;
    if asked.forget {
        return forget(views, asked.printed).await;
    }
    let (start, display) = (Instant::now(), Progress::new(asked.printed));
    let rebuild = Rebuild {
        journal: &site.backends.journal,
        views,
        scratch: settings.store.views.file().map(|path| beside(path, ".rebuild")),
        progress: &|step| display.show(stage(step)),
    };
    let (done, outcome) = if asked.rollback {
        (Done::RolledBack, rebuild.roll_back().await)
    } else if asked.check {
        (Done::Compared, rebuild.check().await)
    } else {
        (Done::Replaced, rebuild.replace().await)
    };
    display.clear();
    drop(lock);
    let report = outcome?;
    tell(
        site.backends.journal.log().as_ref(),
        (done, &report),
        start.elapsed().as_secs_f64(),
        asked.printed,
    )?;
    if asked.check && !report.is_same() { Err(OperateError::Differs) } else { Ok(()) }
}

fn stage(step: Step) -> Stage {
    let (name, done, of, what) = match step {
        Step::Reading { done, of } => ("reading the log", done, of, "positions"),
        Step::Comparing => ("summing up", 0, 0, ""),
        Step::Copying { done, of } => ("copying", done, of, "rows"),
        Step::Switching => ("switching", 0, 0, ""),
    };
    Stage { name, done, of, what }
}

async fn forget(views: &Views, printed: Printed) -> Result<(), OperateError> {
    let found = rebuild::forget(views).await?;
    match (printed.json, found) {
        (true, _) => say_json(&json!({ "done": "forgotten", "found": found, "models": [] })),
        (false, true) => say("The earlier read models are forgotten. There is nothing to go back to now."),
        (false, false) => say("There were no earlier read models."),
    }
}

/// The installation as it is, unless its read models are of another log, which there is no comparing with.
async fn untouched(settings: &Settings) -> Result<Site<'_>, OperateError> {
    let site = Site::open(settings).await?;
    let origin = site.backends.desk.origin().await?;
    let log = site.backends.journal.log();
    if origin.fits(log.log_id(), log.head().await?) { Ok(site) } else { Err(OperateError::OfAnotherLog) }
}

fn tell(
    log: &dyn EventLog,
    (done, report): (Done, &Report),
    seconds: f64,
    printed: Printed,
) -> Result<(), OperateError> {
    if printed.json {
        return say_json(&json!({
            "done": done.as_str(),
            "events": report.events,
            "seconds": seconds,
            "models": report.models.iter().map(|model| to_json(log, model)).collect::<Vec<_>>(),
        }));
    }
    let headers = ["MODEL", "ROWS", "PARKED", "POSITION", "CHECKSUM (SHA-256)", "LIVE"];
    let table = report.models.iter().fold(Table::new(headers), |table, model| {
        let position = model.position.to_text(log.log_id());
        let (rows, parked) = (model.rows.to_string(), model.parked.to_string());
        table.row([model.name, &rows, &parked, &position, &model.checksum, beside_live(done, model)])
    });
    say(&table.to_string())?;
    say(&sentence(done, report, seconds))
}

fn sentence(done: Done, report: &Report, seconds: f64) -> String {
    let events = report.events.unwrap_or_default();
    match done {
        Done::Replaced => format!(
            "Built from {events} events of users and sessions in {seconds:.1} s, and live now. `stele rebuild --rollback` goes back."
        ),
        Done::Compared => {
            format!(
                "Built from {events} events of users and sessions in {seconds:.1} s and compared. Nothing was changed."
            )
        }
        Done::RolledBack => {
            "These are live again. `stele rebuild --rollback` goes back to those that they replaced."
                .to_owned()
        }
    }
}

fn beside_live(done: Done, model: &Model) -> &'static str {
    match (done, &model.live_checksum) {
        (Done::RolledBack, _) => "yes",
        (_, Some(live)) if *live == model.checksum => "same",
        (_, Some(_)) => "DIFFERENT",
        (_, None) => "behind",
    }
}

fn to_json(log: &dyn EventLog, model: &Model) -> Value {
    json!({
        "name": model.name,
        "rows": model.rows,
        "parked": model.parked,
        "position": model.position.to_text(log.log_id()),
        "checksum": model.checksum,
        "live_checksum": model.live_checksum,
    })
}

impl Done {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Compared => "compared",
            Self::RolledBack => "rolled back",
        }
    }
}
