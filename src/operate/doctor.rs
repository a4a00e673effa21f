//! `stele doctor`: says of each backend whether it can be reached and is durable, and how far its followers lag.
//! Makes and changes nothing.

#[cfg(feature = "kurrent")]
use std::time::Duration;
use std::{error::Error, io, path::Path};

use serde_json::{Value, json};
#[cfg(feature = "kurrent")]
use store::log::kurrent;
use store::{
    Position, StoreError, Vault, chain,
    durability::Durability,
    follow::{Desk, Listener, Standing},
    log::{LogHead, PostgresLog, SqliteLog},
    postgres::{self, Url},
    sqlite,
    views::Views,
};

use workers::{
    SWEEPER,
    bus::{self, BusError, EventStream, STREAM},
    relay::RELAY,
};

use super::{OperateError, bus::UNSEEN, say, say_json};
use crate::{
    backends::{BackendError, SoleServer},
    command_line::Printed,
    mails, master_key,
    settings::{Bus, Database, Log, Outbox, Settings},
    table::Table,
};

/// How long to look through a KurrentDB.
#[cfg(feature = "kurrent")]
const SOON: Duration = Duration::from_secs(5);

/// One line of the report. `lag` counts positions of the log, which on SQL are events; only followers have one.
struct Finding {
    part: String,
    ok: bool,
    detail: String,
    lag: Option<u64>,
}

pub(super) async fn doctor(settings: &Settings, printed: Printed) -> Result<(), OperateError> {
    let (server, alone) = server(settings);
    let (log, found) = log(settings).await;
    let mut findings = vec![server, log, vault(settings, found.as_ref()).await];
    findings.extend(views(settings, alone).await);
    findings.push(bus(settings).await);
    findings.push(mail(settings).await);
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

/// What is to be said of the server and, where the databases let only one run, whether it does.
fn server(settings: &Settings) -> (Finding, Option<bool>) {
    if settings.store.lets_many_serve() {
        return (
            Finding::well("server", "any number of processes may run; those that do are told of below"),
            None,
        );
    }
    match SoleServer::claim_if_made(settings) {
        Ok(_) => (Finding::well("server", "none runs on these databases"), Some(false)),
        Err(BackendError::Taken(_)) => (Finding::well("server", "one runs"), Some(true)),
        Err(error) => (Finding::unwell("server", &error), Some(false)),
    }
}

/// A database in a file that is there, opened to be looked at; else what to say of it. An empty file is none yet.
async fn inspected<T, E: Error + 'static>(
    part: &str,
    path: &Path,
    open: impl Future<Output = Result<T, E>>,
) -> Result<T, Finding> {
    match path.metadata() {
        Ok(file) if file.len() > 0 => open.await.map_err(|error| Finding::unwell(part, &error)),
        Ok(_) => Err(Finding::missing(part, path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Finding::missing(part, path)),
        Err(error) => Err(Finding::unwell(part, &error)),
    }
}

/// What is found of a log.
struct Looked {
    head: LogHead,
    is_durable: bool,
    /// How it is kept, and how much there is of it.
    told: String,
}

impl Looked {
    fn in_sql(head: LogHead, durability: &Durability) -> Self {
        let told = format!("{durability}, {} events", head.position.0);
        Self { head, is_durable: durability.is_full(), told }
    }
}

async fn log(settings: &Settings) -> (Finding, Option<(String, Position)>) {
    let looked = match &settings.store.log {
        Log::Sql(Database::Sqlite(path)) => inspected("log", path, log_in_file(path)).await,
        Log::Sql(Database::Postgres(url)) => {
            log_on_server(url).await.map_err(|error| Finding::unwell("log", &error))
        }
        #[cfg(feature = "kurrent")]
        Log::Kurrent(url) => log_in_streams(url).await,
    };
    match looked {
        Ok(Looked { head: LogHead { log_id, position, half_copied }, is_durable, told }) => {
            let place = &settings.store.log;
            let half = if half_copied { "; a copy that was begun and not finished: copy again" } else { "" };
            let detail = format!("{place}, {told}, log id {log_id}{half}");
            let ok = is_durable && !half_copied;
            (Finding { ok, ..Finding::well("log", detail) }, Some((log_id, position)))
        }
        Err(finding) => (finding, None),
    }
}

async fn log_in_file(path: &Path) -> Result<Looked, BackendError> {
    let pool = sqlite::inspect(path, sqlite::Role::Log).await?;
    let head = SqliteLog::look(&pool).await.map_err(unreadable)?;
    let durability = sqlite::durability(&pool).await.map_err(unreadable)?.into();
    Ok(Looked::in_sql(head, &durability))
}

async fn log_on_server(url: &Url) -> Result<Looked, BackendError> {
    let database = postgres::Database::connect(url, 1).await?;
    let head = PostgresLog::look(&database).await.map_err(unreadable)?;
    let durability = database.durability().await.map_err(unreadable)?.into();
    Ok(Looked::in_sql(head, &durability))
}

#[cfg(feature = "kurrent")]
async fn log_in_streams(url: &kurrent::Url) -> Result<Looked, Finding> {
    let looked = kurrent::KurrentLog::look(url).await;
    match looked.map_err(|error| Finding::unwell("log", &error))? {
        Some(head) => {
            let (is_durable, limits) = limits(url).await;
            let position = head.position.0;
            let told = format!("as durable as that server is set to be, up to position {position}{limits}");
            Ok(Looked { head, is_durable, told })
        }
        None => Err(Finding::well("log", format!("{url} holds no log yet; the first start makes it"))),
    }
}

/// Whether nothing takes events away, as far as that is found out soon, and what to say of it.
#[cfg(feature = "kurrent")]
async fn limits(url: &kurrent::Url) -> (bool, String) {
    match kurrent::Guard::look(url, SOON).await {
        Ok(guard) => {
            let limits: String =
                guard.limits().iter().flat_map(|limit| ["; ", limit, ", which takes events away"]).collect();
            (limits.is_empty(), limits)
        }
        Err(kurrent::OpenError::Unreachable { .. }) => {
            let unseen = "; it takes too long to look for limits of streams here: `stele migrate` does";
            (true, unseen.to_owned())
        }
        Err(error) => (false, format!("; {error}")),
    }
}

fn unreadable(error: sqlx::Error) -> BackendError {
    StoreError::Unavailable(error.into()).into()
}

async fn vault(settings: &Settings, log: Option<&(String, Position)>) -> Finding {
    let place = &settings.store.vault;
    let is_needed = log.is_some_and(|(_, head)| *head > Position::BEGINNING);
    let ill = |detail: String| Finding { ok: false, ..Finding::well("vault", detail) };
    let vault = match place {
        Database::Sqlite(path) if is_needed && !master_key::is_made(path) => {
            return ill(format!("{place} is gone, and the log can't be read without it: restore it"));
        }
        Database::Sqlite(path) => inspected("vault", path, existing_vault(settings)).await,
        Database::Postgres(_) => {
            existing_vault(settings).await.map_err(|error| Finding::unwell("vault", &error))
        }
    };
    let vault = match vault {
        Ok(vault) => vault,
        Err(finding) => return finding,
    };
    match (vault.durability().await, vault.node_keys().await, vault.log_id().await) {
        (Ok(_), Ok(_), Ok(None)) if is_needed => ill(format!(
            "{place} is new, or a copy that was not finished, and the log can't be read without all of it: finish `stele vault copy`, or restore it"
        )),
        (Ok(_), Ok(_), Ok(Some(bound))) if log.is_some_and(|(id, _)| *id != bound) => {
            ill(format!("{place} belongs to log {bound}, not to this one"))
        }
        (Ok(durability), Ok(keys), Ok(_)) => {
            let exposure = master_key::exposure(settings);
            let ok = durability.is_full() && exposure.is_none();
            let exposure = exposure.map(|exposure| format!("; {exposure}")).unwrap_or_default();
            let detail = format!("{place}, {durability}, {} shared keys open{exposure}", keys.len());
            Finding { ok, ..Finding::well("vault", detail) }
        }
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => Finding::unwell("vault", &error),
    }
}

/// Asked for only where there is a vault: else a master key that is missing would be made.
async fn existing_vault(settings: &Settings) -> Result<Vault, BackendError> {
    let (master, _) = master_key::obtain(settings)?;
    Ok(match &settings.store.vault {
        Database::Sqlite(path) => Vault::inspect_file(path, master).await?,
        Database::Postgres(url) => Vault::inspect_url(url, master).await?,
    })
}

/// The read models and, from the desk beside them, who follows the log. `alone`: as [`server`] found.
async fn views(settings: &Settings, alone: Option<bool>) -> Vec<Finding> {
    let place = &settings.store.views;
    let opened = match place {
        Database::Sqlite(path) => inspected("views", path, Views::inspect_file(path)).await,
        Database::Postgres(url) => {
            Views::inspect_url(url).await.map_err(|error| Finding::unwell("views", &error))
        }
    };
    let views = match opened {
        Ok(views) => views,
        Err(finding) => return vec![finding],
    };
    let mut findings = vec![read_models(place, &views).await];
    let desk = Desk::over(views);
    let (standings, listeners) = (desk.standings().await, desk.listeners().await);
    // After them, as events come in meanwhile: nobody is ahead of a head that was read later.
    let head = log(settings).await.1.map(|(_, head)| head);
    match (standings, listeners) {
        (Ok(standings), Ok(listeners)) => {
            let any = !listeners.is_empty() || standings.iter().any(|standing| standing.led);
            let served = alone.unwrap_or(any);
            let log = &settings.store.log;
            // Where the log came from another kind of database, it may have been swept there; here there is nothing to sweep.
            let is_swept = log.sql().is_none();
            let followers = standings.iter().filter(|standing| is_swept || standing.role != SWEEPER);
            findings.extend(followers.map(|standing| led(standing, served, head).behind(log)));
            if served {
                findings.extend(listeners.iter().map(|listener| listening(listener, head).behind(log)));
            }
        }
        (Err(error), _) | (_, Err(error)) => findings.push(Finding::unwell("followers", &error)),
    }
    findings
}

/// A follower of which one leads.
fn led(standing: &Standing, served: bool, head: Option<Position>) -> Finding {
    let (place, led) = (standing.position.0, served && standing.led);
    let lag = head.map(|head| head.0.saturating_sub(place));
    // A leader renews his lease beside his work.
    let stuck = served && !led && lag.is_some_and(|lag| lag > 0);
    let ahead = head.is_some_and(|head| place > head.0);
    let detail = if ahead {
        format!(
            "at {place}, beyond the log's end: the read models are of another log; start stele to mend it"
        )
    } else if stuck {
        format!(
            "at {place}, stuck: events wait, and {} has let its lease run out; see its log",
            standing.node
        )
    } else if led {
        format!("at {place}, led by {}", standing.node)
    } else {
        format!("at {place}, nobody leads it now")
    };
    Finding { ok: !ahead && !stuck, lag, ..Finding::well(&standing.role, detail) }
}

/// A process that judges tokens by what it has heard.
fn listening(listener: &Listener, head: Option<Position>) -> Finding {
    let (node, place) = (&listener.node, listener.position.0);
    let lag = head.map(|head| head.0.saturating_sub(place));
    Finding { lag, ..Finding::well(format!("api {node}"), format!("has heard of revocations up to {place}")) }
}

async fn read_models(place: &Database, views: &Views) -> Finding {
    match projections::parked::all(views).await {
        Ok(parked) => {
            let waiting =
                parked.iter().map(|one| format!("; {} waits at version {}", one.stream, one.version));
            let waiting: String = waiting.collect();
            let detail = format!("{place}, need not be durable: made again from the log{waiting}");
            Finding { ok: parked.is_empty(), ..Finding::well("views", detail) }
        }
        Err(error) => Finding::unwell("views", &error),
    }
}

async fn bus(settings: &Settings) -> Finding {
    let Bus::Nats(access) = &settings.bus else {
        return Finding::well("bus", "memory: the workers follow the log themselves");
    };
    let servers = &access.servers;
    let looked = async {
        let Some(stream) = EventStream::look(access, RELAY).await? else { return Ok(None) };
        let (messages, _) = stream.count().await?;
        let faults = bus::look(&stream).await?;
        Ok::<_, BusError>(Some((stream, messages, faults)))
    };
    match looked.await {
        Ok(Some((stream, messages, faults))) => {
            let faults = faults.into_iter().map(|fault| format!("; {fault}"));
            let faults: String = faults.collect();
            let version = stream.version();
            let detail =
                format!("{servers}, version {version}, {messages} events in {STREAM}, {UNSEEN}{faults}");
            Finding { ok: faults.is_empty(), ..Finding::well("bus", detail) }
        }
        Ok(None) => Finding::well("bus", format!("{servers}, {STREAM} is not there yet; the relay makes it")),
        Err(error) => Finding::unwell("bus", &error),
    }
}

async fn mail(settings: &Settings) -> Finding {
    match &settings.mail.outbox {
        Outbox::Files(folder) => mail_folder(folder),
        Outbox::Smtp(url) => {
            let server = match mails::server(settings, url) {
                Ok(server) => server,
                Err(error) => return Finding::unwell("mail", &error),
            };
            match server.check().await {
                Ok(()) => Finding::well("mail", format!("{url} answers")),
                Err(error) => {
                    Finding { ok: false, ..Finding::well("mail", format!("{url}: {}", chain(&error))) }
                }
            }
        }
    }
}

fn mail_folder(folder: &Path) -> Finding {
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {
            Finding::well("mail", format!("{}, one file a mail", folder.display()))
        }
        Ok(_) => Finding { ok: false, ..Finding::well("mail", format!("{} is no folder", folder.display())) },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::missing("mail", folder),
        Err(error) => Finding::unwell("mail", &error),
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

    /// Says what its lag counts, where that is not events.
    fn behind(self, log: &Log) -> Self {
        if log.sql().is_some() || self.lag.unwrap_or(0) == 0 {
            return self;
        }
        Self { detail: format!("{}; its lag counts places of the log, not events", self.detail), ..self }
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
