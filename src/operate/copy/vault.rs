//! `stele vault copy`: makes the vault at one URL the same as the one at another, without opening a key, and compares the two.

use serde_json::{Value, json};
use store::vault::copy::{Copied, Copy, Sum, VaultRows};
use tokio::time::Instant;

use super::{CopyFailed, ends, place};
use crate::{
    backends::{BackendError, SoleServer, safety},
    command_line::Between,
    operate::{
        OperateError,
        progress::{Progress, Stage},
        say, say_json,
    },
    settings::{Database, Settings},
    table::Table,
};

pub(in crate::operate) async fn copy(settings: &Settings, asked: &Between) -> Result<(), OperateError> {
    let (from, to) = ends(asked, Database::of)?;
    // A vault in a file has no lock of its own: that of the installation counts, if it is this one's.
    let is_ours = |database: &Database| database.is_same(&settings.store.vault);
    let _sole = if is_ours(&from) || is_ours(&to) { SoleServer::claim_if_made(settings)? } else { None };
    let (source, target) = (source(&from).await?, target(&to, settings).await?);
    is_alone(&from, &source).await?;
    is_alone(&to, &target).await?;
    let (start, progress) = (Instant::now(), Progress::new(asked.printed));
    let of = source.count().await?;
    let show = |done| progress.show(Stage { name: "copying", done, of, what: "keys" });
    let copied = Copy { from: &source, to: &target, progress: &show }.run().await;
    progress.clear();
    let copied = copied.map_err(CopyFailed::from)?;
    // Whoever came meanwhile may have made keys that were not copied.
    is_alone(&from, &source).await?;
    let seconds = start.elapsed().as_secs_f64();
    tell(&copied, (&from.to_string(), &to.to_string()), seconds, asked)?;
    if copied.is_same() { Ok(()) } else { Err(CopyFailed::Different.into()) }
}

/// As far as the engine can tell.
async fn is_alone(database: &Database, rows: &VaultRows) -> Result<(), CopyFailed> {
    match place::others(async || rows.others().await).await? {
        Some(others) => {
            let by = format!("others are connected to it: {others}");
            Err(CopyFailed::InUse { place: database.to_string(), by })
        }
        None => Ok(()),
    }
}

async fn source(database: &Database) -> Result<VaultRows, CopyFailed> {
    Ok(match database {
        Database::Sqlite(path) if !path.exists() => {
            return Err(CopyFailed::Missing(path.display().to_string()));
        }
        Database::Sqlite(path) => VaultRows::inspect_file(path).await.map_err(BackendError::from)?,
        Database::Postgres(url) => {
            VaultRows::inspect_url(place::direct(url)?).await.map_err(BackendError::from)?
        }
    })
}

async fn target(database: &Database, settings: &Settings) -> Result<VaultRows, CopyFailed> {
    Ok(match database {
        Database::Sqlite(path) => VaultRows::open_file(path).await.map_err(BackendError::from)?,
        Database::Postgres(url) => {
            let opened = VaultRows::open_url(place::direct(url)?, safety(settings)).await;
            opened.map_err(BackendError::from)?
        }
    })
}

fn tell(
    copied: &Copied,
    (from, to): (&str, &str),
    seconds: f64,
    asked: &Between,
) -> Result<(), OperateError> {
    if asked.printed.json {
        return say_json(&json!({
            "done": if copied.is_same() { "copied" } else { "different" },
            "log_id": copied.log_id,
            "seconds": seconds,
            "source": to_json(from, &copied.source),
            "target": to_json(to, &copied.target),
        }));
    }
    let headers = ["VAULT", "DATA KEYS", "SHARED KEYS", "CHECKSUM (SHA-256)"];
    let table = [(from, &copied.source), (to, &copied.target)].into_iter().fold(
        Table::new(headers),
        |table, (place, sum)| {
            let (keys, shared) = (sum.keys.to_string(), sum.shared.to_string());
            table.row([place, &keys, &shared, &sum.checksum])
        },
    );
    say(&table.to_string())?;
    if !copied.is_same() {
        return Ok(());
    }
    say(&format!(
        "The same vault at both places, of log {}, in {seconds:.1} s. The master key stays as it is. Once the new one serves, destroy \
         the old one and its copies: keys that are destroyed from now on live on there.",
        copied.log_id
    ))
}

fn to_json(place: &str, sum: &Sum) -> Value {
    json!({ "place": place, "keys": sum.keys, "shared": sum.shared, "checksum": sum.checksum })
}
