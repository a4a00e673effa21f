//! `./bench log --on kurrent`: the log on KurrentDB, held against its client with nothing around it. No KurrentDB can be had where this
//! is measured: both ask the server of the tests, on loopback, so that what a real one reaches is another matter.

use std::{path::Path, sync::Arc, thread, time::Duration};

use eventstore::{
    AppendToStreamOptions, Client, EventData, ReadAllOptions, StreamPosition, StreamState,
    SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use kurrent_double::{Double, Settings};
use store::{
    EventLog, Position, StreamId, Write,
    follow::Batches,
    log::{OneByOne, kurrent::KurrentLog},
    random,
};
use tempfile::TempDir;
use tokio::{
    runtime::Builder,
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    failed::{Failed, Outcome},
    figures::Line,
    load,
    log::{event, sample},
    report::Table,
    rounds::{ROUNDS, Rounds},
    say,
};

const WARM: Duration = Duration::from_millis(300);
const SPAN: Duration = Duration::from_millis(1500);

const WRITERS: [u16; 3] = [1, 16, 64];

/// How many events are read, how many of them each stream has, and how many are asked for at once.
const EVENTS: u32 = 20_000;
const IN_A_STREAM: u32 = 10;
const PAGE: u16 = 512;

const PREFIX: &str = "stele-";
const CLIENT: &str = "the client alone";

/// Measures every line whose name holds `filter`.
pub(crate) async fn measure(filter: &str) -> Outcome<Table> {
    let mut lines = Vec::new();
    if "append".contains(filter) {
        for writers in WRITERS {
            say(format_args!("  append with {writers} …"));
            lines.push(load::on_its_own_thread(move || appends(writers)).await?);
        }
    }
    if "read".contains(filter) || "follow".contains(filter) {
        say(format_args!("  read and follow …"));
        lines.extend(load::on_its_own_thread(reads).await?);
    }
    let about = "The event log on KurrentDB, of which the server of the tests takes the place";
    Ok(Table { name: "log", on: Some("kurrent"), about, lines })
}

/// The server, on a thread of its own. It ends when this is dropped.
struct Server {
    url: String,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let path = folder.path().to_owned();
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new().name("server".to_owned()).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(serve(&path, tell, stopped))
        })?;
        let url = told.await.map_err(|_| Failed::ThreadEnded)?;
        Ok(Self { url, _folder: folder, _stop: stop })
    }

    async fn log(&self) -> Outcome<Arc<dyn EventLog>> {
        Ok(Arc::new(OneByOne(KurrentLog::open(&self.url.parse()?).await?)))
    }

    fn client(&self) -> Outcome<Client> {
        let settings = self.url.parse().map_err(|_| Failed::NoClient)?;
        Client::new(settings).map_err(|_| Failed::NoClient)
    }
}

async fn serve(
    folder: &Path,
    tell: oneshot::Sender<String>,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let double = Double::with(Settings { folder: Some(folder.to_owned()), ..Settings::default() }).await?;
    _ = tell.send(double.url());
    _ = stopped.await;
    Ok(())
}

async fn appends(writers: u16) -> Outcome<Line> {
    let server = Server::start().await?;
    let (log, client) = (server.log().await?, server.client()?);
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let ours = load::rate_of(writers.into(), (WARM, SPAN), || {
            let log = Arc::clone(&log);
            async move || append(log.as_ref(), 1).await
        });
        let ours = ours.await?;
        let raw = load::rate_of(writers.into(), (WARM, SPAN), || {
            let client = client.clone();
            async move || append_raw(&client).await
        });
        rounds.push(ours, raw.await?);
    }
    Ok(rounds.line(&format!("append, {writers} writers"), CLIENT).at_least(0.8))
}

fn stream() -> String {
    format!("session-{:016x}", random::number())
}

async fn append(log: &dyn EventLog, count: u32) -> Outcome<()> {
    let sample = sample();
    let events = (0..count).map(|_| event(&sample)).collect();
    log.append(vec![Write { stream: StreamId::named(stream()), expected: 0, events }]).await?;
    Ok(())
}

/// An event as large as ours, to a stream that nobody has written to.
async fn append_raw(client: &Client) -> Outcome<()> {
    let (sample, event) = (sample(), event(&sample()));
    let metadata = format!(
        r#"{{"at":1795529985999999,"actor":"{}","$correlationId":"{}"}}"#,
        sample.actor, event.correlation
    );
    let event = EventData::binary(sample.kind, sample.data.into())
        .id(event.id)
        .metadata(metadata.into_bytes().into());
    let options = AppendToStreamOptions::default().stream_state(StreamState::NoStream);
    client.append_to_stream(format!("raw-{}", stream()), &options, event).await?;
    Ok(())
}

async fn reads() -> Outcome<Vec<Line>> {
    let server = Server::start().await?;
    let (log, client) = (server.log().await?, server.client()?);
    let streams = stream::iter(0..EVENTS / IN_A_STREAM).map(|_| append(log.as_ref(), IN_A_STREAM));
    streams.buffer_unordered(64).try_collect::<()>().await?;
    let (mut read, mut followed, mut sent) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        read.push(rate_of(read_all(log.as_ref())).await?, rate_of(read_raw(&client, PAGE.into())).await?);
        let ours = rate_of(follow(&log)).await?;
        followed.push(ours, rate_of(read_raw(&client, Batches::SIZE)).await?);
        sent.push(ours, rate_of(follow_raw(&client)).await?);
    }
    Ok(vec![
        read.line(&format!("read_all, {PAGE} at a time"), CLIENT).at_least(0.7),
        followed
            .line("follow, from the start until caught up", "the client alone, by pages as large")
            .at_least(0.7),
        sent.line("follow, to what the client is sent", "a subscription of the client alone").at_least(0.7),
    ])
}

/// Events a second of a reader who reads all that there are.
async fn rate_of(reader: impl Future<Output = Outcome<u32>>) -> Outcome<f64> {
    let start = Instant::now();
    let count = reader.await?;
    if count != EVENTS {
        return Err(Failed::Missing("an event"));
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

async fn read_all(log: &dyn EventLog) -> Outcome<u32> {
    let (mut count, mut after) = (0, Position::BEGINNING);
    loop {
        let page = log.read_all(after, PAGE.into()).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = last.position;
        count += u32::try_from(page.len()).unwrap_or(u32::MAX);
    }
}

fn ours() -> SubscriptionFilter {
    SubscriptionFilter::on_stream_name().add_prefix(PREFIX)
}

/// Page by page as well: what is read at once begins with what was read last.
async fn read_raw(client: &Client, page: u32) -> Outcome<u32> {
    let (mut count, mut from) = (0, StreamPosition::Start);
    let limit = usize::try_from(page).unwrap_or(usize::MAX).saturating_add(1);
    loop {
        let options = ReadAllOptions::default().filter(ours()).max_count(limit).position(from);
        let mut page = client.read_all(&options).await?;
        let (mut last, before) = (None, count);
        while let Some(event) = page.next().await? {
            let place = event.get_original_event().position;
            count += u32::from(from != StreamPosition::Position(place));
            last = Some(place);
        }
        if let Some(place) = last {
            from = StreamPosition::Position(place);
        }
        if count == before {
            return Ok(count);
        }
    }
}

/// As followers do: they read, and where there is no more they wait for the log to say that there is.
async fn follow(log: &Arc<dyn EventLog>) -> Outcome<u32> {
    let (mut count, mut after) = (0, Position::BEGINNING);
    let (mut batches, mut grown) = (Batches::new(Arc::clone(log)), log.grown());
    while count < EVENTS {
        grown.borrow_and_update();
        let batch = batches.after(after).await?;
        after = batch.last().map_or(after, |last| last.position);
        count += u32::try_from(batch.len()).unwrap_or(u32::MAX);
        if count < EVENTS && batches.are_all() {
            _ = timeout(SPAN, grown.changed()).await;
        }
    }
    Ok(count)
}

async fn follow_raw(client: &Client) -> Outcome<u32> {
    let mut subscription = client.subscribe_to_all(&SubscribeToAllOptions::default().filter(ours())).await;
    let mut count = 0;
    loop {
        match subscription.next_subscription_event().await? {
            SubscriptionEvent::EventAppeared(_) => count += 1,
            SubscriptionEvent::CaughtUp(_) => return Ok(count),
            _ => {}
        }
    }
}
