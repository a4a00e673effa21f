//! `./bench log`: the event log alone, held against its database with nothing around it.

use std::{sync::Arc, time::Duration};

use store::{EventLog, NewEvent, Position, StreamId, Write, random};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    engine::{Engine, Place},
    failed::Outcome,
    figures::{Line, Spread, Unit},
    load,
    raw::{Batch, Raw, Sample, events_a_commit},
    report::Table,
    rounds::{ROUNDS, Rounds},
    say,
};

const WARM: Duration = Duration::from_millis(300);
const SPAN: Duration = Duration::from_millis(1500);

/// How many append at once on PostgreSQL where bounds are told.
pub(crate) const CROWD: u16 = 256;

/// How many events are read, and how many at once.
const EVENTS: u32 = 100_000;
const PAGE: u16 = 512;
/// Events of the one stream that is read, as many as a session has after a day of refreshing every few minutes.
const HISTORY: u32 = 200;

/// Measures every line whose name holds `filter`.
pub(crate) async fn measure(filter: &str, engine: Engine) -> Outcome<Table> {
    let mut lines = Vec::new();
    if "append".contains(filter) {
        for writers in writers(engine) {
            say(format_args!("  append with {writers} …"));
            lines.extend(load::on_its_own_thread(move || appends(engine, writers)).await?);
        }
    }
    if "read".contains(filter) {
        say(format_args!("  read …"));
        lines.extend(load::on_its_own_thread(move || reads(engine)).await?);
    }
    Ok(Table { name: "log", on: engine.flag(), about: "The event log", lines })
}

const fn writers(engine: Engine) -> [u16; 4] {
    match engine {
        Engine::Sqlite => [1, 16, 64, 512],
        Engine::Postgres => [1, 16, 64, CROWD],
    }
}

/// As a refresh has them: the event that is written most.
pub(crate) fn sample() -> Sample {
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

pub(crate) fn event(sample: &Sample) -> NewEvent {
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

async fn appends(engine: Engine, writers: u16) -> Outcome<Vec<Line>> {
    let folder = folder()?;
    let place = engine.place(folder.path(), "log");
    let log = place.log().await?;
    let mut raw = Raw::open(&engine.place(folder.path(), "raw")).await?;
    let (mut batches, mut singles, mut sizes) = (Rounds::default(), Rounds::default(), Vec::new());
    for _ in 0..ROUNDS {
        let before = log.head().await?;
        let ours = append_for(&log, writers).await?;
        let size = size_of_batches(&place, before).await?.unwrap_or(writers);
        let batch = |size| Batch { sample: sample(), size, streams: u64::MAX };
        raw.insert(&batch(size), WARM).await?;
        batches.push(ours, raw.insert(&batch(size), SPAN).await?);
        sizes.push(f64::from(size));
        if is_held_to_bounds(engine, writers) {
            singles.push(ours, raw.insert(&batch(1), SPAN).await?);
        }
    }
    let what = format!("append, {writers} writers");
    let line = batches.line(&what, &format!("raw inserts, {} a commit", Spread::of(&sizes).median));
    if !is_held_to_bounds(engine, writers) {
        return Ok(vec![line]);
    }
    let to_singles = Line::new(format!("{what}, to one event a commit"), Unit::Times, &singles.ratios())
        .detail(singles.told("ours", "raw inserts, 1 a commit"));
    Ok(vec![line.at_least(0.6), to_singles.at_least(10.0)])
}

fn is_held_to_bounds(engine: Engine, writers: u16) -> bool {
    engine == Engine::Postgres && writers == CROWD
}

/// How many events a log on PostgreSQL has committed at once, on average. On SQLite a commit is so short that all who append wait
/// for the same one.
async fn size_of_batches(place: &Place, after: Position) -> Outcome<Option<u16>> {
    let Place::Server(url) = place else { return Ok(None) };
    let mean = events_a_commit(url, after).await?;
    Ok((1..=u16::MAX).find(|size| f64::from(*size) + 0.5 > mean))
}

/// Events a second that so many append to the log that is here.
pub(crate) async fn rate_of_appending(place: &Place, writers: u16) -> Outcome<f64> {
    append_for(&place.log().await?, writers).await
}

/// Events a second of writers that each append one to a stream of its own, again and again.
async fn append_for(log: &Arc<dyn EventLog>, writers: u16) -> Outcome<f64> {
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

async fn reads(engine: Engine) -> Outcome<Vec<Line>> {
    let folder = folder()?;
    let place = engine.place(folder.path(), "log");
    let log = place.log().await?;
    let stream = StreamId::named("session-00000000000000ff");
    fill(log.as_ref(), &stream).await?;
    let (mut all, mut one) = (Rounds::default(), Vec::new());
    let mut raw = Raw::open(&place).await?;
    for _ in 0..ROUNDS {
        let ours = rate_of_reading(log.as_ref()).await?;
        all.push(ours, raw.select(PAGE).await?);
        one.push(milliseconds_of_stream(log.as_ref(), &stream).await?);
    }
    let all = all.line(&format!("read_all, {PAGE} at a time"), "a raw select");
    Ok(vec![
        if engine == Engine::Postgres { all.at_least(0.5) } else { all },
        Line::new(format!("read_stream of {HISTORY} events"), Unit::Milliseconds, &one),
    ])
}

async fn fill(log: &dyn EventLog, stream: &StreamId) -> Outcome<()> {
    let sample = sample();
    let events = (0..HISTORY).map(|_| event(&sample)).collect();
    log.append(vec![Write { stream: stream.clone(), expected: 0, events }]).await?;
    for _ in 0..EVENTS / u32::from(PAGE) {
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
async fn rate_of_reading(log: &dyn EventLog) -> Outcome<f64> {
    let (start, mut read, mut after) = (Instant::now(), 0_u32, Position::BEGINNING);
    loop {
        let page = log.read_all(after, PAGE.into()).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        read += u32::try_from(page.len()).unwrap_or(u32::MAX);
    }
    Ok(f64::from(read) / start.elapsed().as_secs_f64())
}

/// The same of the log that is here.
pub(crate) async fn rate_of_reading_at(place: &Place) -> Outcome<f64> {
    rate_of_reading(place.log().await?.as_ref()).await
}

async fn milliseconds_of_stream(log: &dyn EventLog, stream: &StreamId) -> Outcome<f64> {
    const TIMES: u32 = 200;
    let start = Instant::now();
    for _ in 0..TIMES {
        log.read_stream(stream, 0).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1000.0 / f64::from(TIMES))
}
