//! `stele doctor`: says of each backend whether it can be reached and is durable, and how far its followers lag.
//! Makes and changes nothing.

use std::{error::Error, path::Path, time::Duration};

use serde_json::{Value, json};
use sqlx::SqlitePool;
use store::{
    EventLog, Position, Vault, clock,
    follow::{Desk, Tenure},
    log::{SqliteLog, chain},
    sqlite,
};

use super::{OperateError, say, say_json};
use crate::{
    backends::{BackendError, SoleServer},
    command_line::Printed,
    master_key,
    settings::{Bus, Outbox, Settings},
    table::Table,
};

/// One line of the report. `lag` counts events; only followers have one.
struct Finding {
    part: String,
    ok: bool,
    detail: String,
    lag: Option<u64>,
}

pub(super) async fn doctor(settings: &Settings, printed: Printed) -> Result<(), OperateError> {
    let (log, head) = log(settings).await;
    let mut findings = vec![server(settings), log, vault(settings).await];
    findings.extend(views(settings, head).await);
    findings.push(bus(settings));
    findings.push(mail(settings));
    let well = findings.iter().all(|finding| finding.ok);
    if printed.json {
        let parts: serde_json::Map<String, Value> =
            findings.iter().map(|finding| (finding.part.clone(), finding.to_json())).collect();
        say_json(&json!({ "status": if well { "ok" } else { "unwell" }, "parts": parts }))?;
    } else {
        let table = findings.iter().fold(Table::new(["PART", "STATE", "LAG", "DETAIL"]), |table, finding| {
            table.row(finding.cells())
        });
        say(&table.to_string())?;
    }
    if well { Ok(()) } else { Err(OperateError::Unwell) }
}

fn server(settings: &Settings) -> Finding {
    match SoleServer::claim_if_made(settings) {
        Ok(Some(_) | None) => Finding::well("server", "none runs on these databases"),
        Err(BackendError::Taken(_)) => {
            Finding::well("server", format!("one runs; it listens on {}", settings.api.listen))
        }
        Err(error) => Finding::unwell("server", &error),
    }
}

async fn log(settings: &Settings) -> (Finding, Option<Position>) {
    let path = settings.store.log.path();
    if !path.exists() {
        return (Finding::missing("log", path), None);
    }
    let log = match SqliteLog::open(path).await {
        Ok(log) => log,
        Err(error) => return (Finding::unwell("log", &error), None),
    };
    match (log.head().await, sqlite::durability(log.pool()).await) {
        (Ok(head), Ok(durability)) => {
            let detail =
                format!("{}, {durability}, {} events, log id {}", path.display(), head.0, log.log_id());
            (Finding { ok: durability.is_full(), ..Finding::well("log", detail) }, Some(head))
        }
        (Err(error), _) => (Finding::unwell("log", &error), None),
        (_, Err(error)) => (Finding::unwell("log", &error), None),
    }
}

async fn vault(settings: &Settings) -> Finding {
    let path = settings.store.vault.path();
    if !path.exists() {
        return Finding::missing("vault", path);
    }
    let master = match master_key::obtain(settings) {
        Ok((master, _)) => master,
        Err(error) => return Finding::unwell("vault", &error),
    };
    let vault = match Vault::open_file(path, master).await {
        Ok(vault) => vault,
        Err(error) => return Finding::unwell("vault", &error),
    };
    match (vault.node_keys().await, sqlite::durability(vault.pool()).await) {
        (Ok(keys), Ok(durability)) => {
            let detail = format!("{}, {durability}, {} shared keys open", path.display(), keys.len());
            Finding { ok: durability.is_full(), ..Finding::well("vault", detail) }
        }
        (Err(error), _) => Finding::unwell("vault", &error),
        (_, Err(error)) => Finding::unwell("vault", &error),
    }
}

async fn views(settings: &Settings, head: Option<Position>) -> Vec<Finding> {
    let path = settings.store.views.path();
    if !path.exists() {
        return vec![Finding::missing("views", path)];
    }
    let tenure = Tenure { length: Duration::ZERO, sole: false };
    let desk = match Desk::open_file(path, String::new(), tenure).await {
        Ok(desk) => desk,
        Err(error) => return vec![Finding::unwell("views", &error)],
    };
    let mut findings = vec![read_models(path, desk.pool()).await];
    match desk.standings().await {
        Ok(standings) => findings.extend(standings.into_iter().map(|standing| {
            let place = u64::try_from(standing.position).unwrap_or(0);
            let lead = if standing.until > clock::now().0 { "led" } else { "nobody leads it now" };
            let lag = head.map(|head| head.0.saturating_sub(place));
            Finding { lag, ..Finding::well(standing.role, format!("at {place}, {lead}")) }
        })),
        Err(error) => findings.push(Finding::unwell("followers", &error)),
    }
    findings
}

async fn read_models(path: &Path, pool: &SqlitePool) -> Finding {
    match (projections::parked::all(pool).await, sqlite::durability(pool).await) {
        (Ok(parked), Ok(durability)) => {
            let waiting =
                parked.iter().map(|one| format!("; {} waits at version {}", one.stream, one.version));
            let waiting: String = waiting.collect();
            let detail = format!("{}, {durability}, can be made again from the log{waiting}", path.display());
            Finding { ok: parked.is_empty(), ..Finding::well("views", detail) }
        }
        (Err(error), _) | (_, Err(error)) => Finding::unwell("views", &error),
    }
}

fn bus(settings: &Settings) -> Finding {
    match settings.bus {
        Bus::Memory => Finding::well("bus", "memory: the workers follow the log themselves"),
    }
}

fn mail(settings: &Settings) -> Finding {
    let Outbox::Files(folder) = &settings.mail.outbox;
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {
            Finding::well("mail", format!("{}, one file a mail", folder.display()))
        }
        Ok(_) => Finding { ok: false, ..Finding::well("mail", format!("{} is no folder", folder.display())) },
        Err(_) => Finding::missing("mail", folder),
    }
}

impl Finding {
    fn well(part: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { part: part.into(), ok: true, detail: detail.into(), lag: None }
    }

    fn unwell(part: &str, error: &(dyn Error + 'static)) -> Self {
        Self { ok: false, ..Self::well(part, chain(error)) }
    }

    fn missing(part: &str, path: &Path) -> Self {
        Self::well(part, format!("{} is not there yet; the first start makes it", path.display()))
    }

    fn to_json(&self) -> Value {
        json!({ "ok": self.ok, "detail": self.detail, "lag": self.lag })
    }

    fn cells(&self) -> [String; 4] {
        let state = if self.ok { "ok" } else { "NOT OK" };
        let lag = self.lag.map(|lag| lag.to_string()).unwrap_or_default();
        [self.part.clone(), state.to_owned(), lag, self.detail.clone()]
    }
}
