//! Sixteen writers at once, some on a stream that all of them want, and readers that follow all the while: checks that
//! there is one order, and that no reader was ever past an event that he had not seen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

use super::{
    EventLog, Handles, Position, Recorded, StoreError, StreamId, Verdict, Violation, ensure, events, feed,
    ids, write,
};
use crate::random;

const WRITERS: usize = 16;
/// How often each writer appends to streams of his own; to the contended one, a quarter as often.
const APPENDS: usize = 40;
/// How many conflicts in a row are too many: far more than all others can cause.
const TRIES: usize = WRITERS * APPENDS / 4 * 25;
const DEADLINE: Duration = Duration::from_mins(4);

/// How a reader remembers his place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// By the last event that he was given.
    Careful,
    /// By the head of the log, as if all before it had been given to him.
    TrustsTheHead,
}

/// An event that was acknowledged, and where it was said to stand.
type Acknowledged = (Uuid, Position);

/// Lets writers and readers loose on a log and judges what the readers saw.
pub(crate) async fn flood(log: &Handles, reader: Reader) -> Verdict {
    tokio::time::timeout(DEADLINE, run(log, reader))
        .await
        .map_err(|_| Violation("the writers or the readers came to no end".to_owned()))?
}

async fn run(log: &Handles, reader: Reader) -> Verdict {
    let run = random::id().simple().to_string();
    let start = log.one.head().await?;
    let (finish, finished) = watch::channel(false);
    let follow = |log: &Arc<dyn EventLog>, page| {
        let task = follow(Arc::clone(log), start, page, reader, finished.clone());
        tokio::spawn(task)
    };
    let readers = [follow(&log.one, 7), follow(&log.other, 1000), follow(&log.other, 1)];
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer {
            log: Arc::clone(log.both()[number % 2]),
            run: run.clone(),
            number,
            acknowledged: Vec::new(),
        };
        writers.spawn(writer.write());
    }
    let mut acknowledged = Vec::new();
    while let Some(writer) = writers.join_next().await {
        acknowledged.extend(writer.map_err(|error| Violation(error.to_string()))??);
    }
    finish.send_replace(true);
    let truth = of_run(&run, feed(log.one.as_ref(), start, 500).await?);
    judge_acknowledged(&acknowledged, &truth)?;
    for reader in readers {
        judge(&of_run(&run, end_of(reader).await?), &truth)?;
    }
    Ok(())
}

async fn end_of<T>(task: JoinHandle<Result<T, Violation>>) -> Result<T, Violation> {
    task.await.map_err(|error| Violation(error.to_string()))?
}

fn of_run(run: &str, mut events: Vec<Recorded>) -> Vec<Recorded> {
    events.retain(|recorded| recorded.stream.key().starts_with(run));
    events
}

async fn follow(
    log: Arc<dyn EventLog>,
    mut place: Position,
    page: u32,
    reader: Reader,
    finished: watch::Receiver<bool>,
) -> Result<Vec<Recorded>, Violation> {
    let mut seen = Vec::new();
    loop {
        let over = *finished.borrow() || finished.has_changed().is_err();
        let batch = log.read_all(place, page).await?;
        if batch.is_empty() && over {
            return Ok(seen);
        }
        place = match (reader, batch.last()) {
            (Reader::Careful, Some(last)) => last.position,
            (Reader::Careful, None) => place,
            (Reader::TrustsTheHead, _) => log.head().await?,
        };
        if batch.is_empty() {
            tokio::task::yield_now().await;
        }
        seen.extend(batch);
    }
}

struct Writer {
    log: Arc<dyn EventLog>,
    run: String,
    number: usize,
    acknowledged: Vec<Acknowledged>,
}

impl Writer {
    async fn write(mut self) -> Result<Vec<Acknowledged>, Violation> {
        let mut versions = [0_u64; 3];
        let contended = StreamId::named(format!("flood-{}-all", self.run));
        for turn in 0..APPENDS {
            let (own, count) = (turn % 3, 1 + turn % 4);
            let stream = StreamId::named(format!("flood-{}-{}-{own}", self.run, self.number));
            if !self.append(&stream, versions[own], count).await? {
                return Err(Violation(format!("someone else wrote to {stream}")));
            }
            versions[own] += u64::try_from(count).unwrap_or(0);
            if turn % 4 == 0 {
                self.contend_for(&contended).await?;
            }
        }
        Ok(self.acknowledged)
    }

    /// Appends to a stream that everyone appends to; each conflict means that someone else got on.
    async fn contend_for(&mut self, stream: &StreamId) -> Verdict {
        for _ in 0..TRIES {
            let last = self.log.read_last(stream, 1).await?;
            let version = last.last().map_or(0, |recorded| recorded.version);
            if self.append(stream, version, 1).await? {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        Err(Violation(format!("{stream} is at no version that can be read")))
    }

    /// Whether the events were taken; if so, checks that they can be read back at once.
    async fn append(&mut self, stream: &StreamId, expected: u64, count: usize) -> Result<bool, Violation> {
        let events = events(count);
        let position = match self.log.append(vec![write(stream, expected, &events)]).await {
            Ok(position) => position,
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let found = ids(&self.log.read_stream(stream, expected).await?);
        let acknowledged: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        ensure(found.starts_with(&acknowledged), || {
            format!("{stream} lacks what was acknowledged after version {expected}")
        })?;
        self.acknowledged.extend(acknowledged.last().map(|id| (*id, position)));
        Ok(true)
    }
}

/// Every acknowledged event is in the log once, where it was said to stand.
fn judge_acknowledged(acknowledged: &[Acknowledged], truth: &[Recorded]) -> Verdict {
    let places: HashMap<Uuid, Position> =
        truth.iter().map(|recorded| (recorded.event.id, recorded.position)).collect();
    ensure(places.len() == truth.len(), || "an event is in the log twice".to_owned())?;
    for (id, position) in acknowledged {
        ensure(places.get(id) == Some(position), || {
            format!("event {id} was acknowledged at {position:?} and stands at {:?}", places.get(id))
        })?;
    }
    Ok(())
}

/// What a reader saw, one batch after the other, must be the log as it stands in the end.
fn judge(seen: &[Recorded], truth: &[Recorded]) -> Verdict {
    let met: HashSet<Uuid> = ids(seen).into_iter().collect();
    if let Some(missed) = truth.iter().find(|recorded| !met.contains(&recorded.event.id)) {
        return Err(Violation(format!(
            "a reader went past position {} without having seen its event",
            missed.position.0
        )));
    }
    let fallen = seen.windows(2).find(|pair| pair[0].position >= pair[1].position);
    ensure(fallen.is_none(), || "a reader was led back in the order".to_owned())?;
    ensure(ids(seen) == ids(truth), || "a reader saw another order".to_owned())?;
    let mut streams: HashMap<&StreamId, &Recorded> = HashMap::new();
    for recorded in seen {
        let before = streams.insert(&recorded.stream, recorded);
        let version = before.map_or(0, |before| before.version);
        ensure(recorded.version == version + 1, || {
            format!("{} went from version {version} to {}", recorded.stream, recorded.version)
        })?;
        let falls = before.is_some_and(|before| before.recorded_at > recorded.recorded_at);
        ensure(!falls, || format!("in {} time goes back", recorded.stream))?;
    }
    Ok(())
}
