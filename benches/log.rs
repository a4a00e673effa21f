//! `./bench log`: the event log alone, held against SQLite with nothing around it.

use std::{path::Path, sync::Arc, time::Duration};

use store::{EventLog, NewEvent, Position, StreamId, Write, log::SqliteLog, random};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    failed::Outcome,
    figures::{Line, Unit},
    load,
    report::Table,
    rounds::{ROUNDS, Rounds},
    say,
    sqlite::{Batch, Raw, Sample},
};

const WRITERS: [u16; 4] = [1, 16, 64, 512];
const WARM: Duration = Duration::from_millis(300);
const SPAN: Duration = Duration::from_millis(1500);

/// How many events are read, and how many at once.
const EVENTS: u32 = 100_000;
const PAGE: u32 = 512;
/// Events of the one stream that is read, as many as a session has after a day of refreshing every few minutes.
const HISTORY: u32 = 200;

/// Measures every line whose name holds `filter`.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut lines = Vec::new();
    if "append".contains(filter) {
        for writers in WRITERS {
            say(format_args!("  append with {writers} …"));
            let rounds = load::on_its_own_thread(move || appends(writers)).await?;
            let (what, limit) =
                (format!("append, {writers} writers"), format!("raw inserts, {writers} a commit"));
            lines.push(rounds.line(&what, &limit));
        }
    }
    if "read".contains(filter) {
        say(format_args!("  read …"));
        lines.extend(load::on_its_own_thread(reads).await?);
    }
    Ok(Table { name: "log", about: "The event log", lines })
}

/// As a refresh has them: the event that is written most.
fn sample() -> Sample {
    Sample {
        kind: "session.refreshed.v1".to_owned(),
        actor: "anonymous".to_owned(),
        data: format!(
            r#"{{"counter":17,"iat":1795529985999999,"exp":1795616385999999,"kid":"{}"}}"#,
            "k".repeat(43)
        ),
        sealed: None,
    }
}

fn event(sample: &Sample) -> NewEvent {
    NewEvent {
        id: random::id(),
        kind: sample.kind.clone(),
        correlation: random::id(),
        causation: None,
        actor: sample.actor.clone(),
        data: sample.data.clone(),
        sealed: sample.sealed.clone(),
    }
}

fn folder() -> Outcome<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

async fn appends(writers: u16) -> Outcome<Rounds> {
    let folder = folder()?;
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db")).await?);
    let mut raw = Raw::open(&folder.path().join("raw.db")).await?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let ours = append_for(&log, writers).await?;
        let batch = Batch { sample: sample(), size: writers, streams: u64::MAX };
        raw.insert(&batch, WARM).await?;
        rounds.push(ours, raw.insert(&batch, SPAN).await?);
    }
    Ok(rounds)
}

/// Events a second of writers that each append one to a stream of its own, again and again.
async fn append_for(log: &Arc<SqliteLog>, writers: u16) -> Outcome<f64> {
    load::rate_of(writers.into(), (WARM, SPAN), || {
        let (log, sample) = (Arc::clone(log), sample());
        async move || {
            let stream = StreamId::named(format!("session-{:016x}", random::number()));
            let write = Write { stream, expected: 0, events: vec![event(&sample)] };
            Ok(log.append(vec![write]).await.map(drop)?)
        }
    })
    .await
}

async fn reads() -> Outcome<Vec<Line>> {
    let folder = folder()?;
    let path = folder.path().join("log.db");
    let log = SqliteLog::open(&path).await?;
    let stream = StreamId::named("session-00000000000000ff");
    fill(&log, &stream).await?;
    let (mut all, mut one) = (Rounds::default(), Vec::new());
    let mut raw = Raw::open(&path).await?;
    for _ in 0..ROUNDS {
        let ours = rate_of_reading(&log).await?;
        all.push(ours, raw.select(PAGE).await?);
        one.push(milliseconds_of_stream(&log, &stream).await?);
    }
    Ok(vec![
        all.line(&format!("read_all, {PAGE} at a time"), "a raw select"),
        Line::new(format!("read_stream of {HISTORY} events"), Unit::Milliseconds, &one),
    ])
}

async fn fill(log: &SqliteLog, stream: &StreamId) -> Outcome<()> {
    let sample = sample();
    let events = (0..HISTORY).map(|_| event(&sample)).collect();
    log.append(vec![Write { stream: stream.clone(), expected: 0, events }]).await?;
    for _ in 0..EVENTS / PAGE {
        let write = |_| Write {
            stream: StreamId::named(format!("session-{:016x}", random::number())),
            expected: 0,
            events: vec![event(&sample)],
        };
        log.append((0..PAGE).map(write).collect()).await?;
    }
    Ok(())
}

/// Events a second that a reader of the whole log gets.
pub(crate) async fn rate_of_reading(log: &SqliteLog) -> Outcome<f64> {
    let (start, mut read, mut after) = (Instant::now(), 0_u32, Position::BEGINNING);
    loop {
        let page = log.read_all(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        read += u32::try_from(page.len()).unwrap_or(u32::MAX);
    }
    Ok(f64::from(read) / start.elapsed().as_secs_f64())
}

/// The same of the log in a file.
pub(crate) async fn rate_of_reading_at(path: &Path) -> Outcome<f64> {
    rate_of_reading(&SqliteLog::open(path).await?).await
}

async fn milliseconds_of_stream(log: &SqliteLog, stream: &StreamId) -> Outcome<f64> {
    const TIMES: u32 = 200;
    let start = Instant::now();
    for _ in 0..TIMES {
        log.read_stream(stream, 0).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1000.0 / f64::from(TIMES))
}
