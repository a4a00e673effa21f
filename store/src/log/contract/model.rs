//! A log in memory that keeps the contract, or breaks it in one chosen way: shows that the laws let a sound log pass
//! and catch each fault that they are there for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use domain::Time;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Appends, EventLog, Handles, NewEvent, Position, Reader, Recorded, StoreError, StreamId, Write, flood,
    violations,
};

/// What is wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    SkipsAVersion,
    ExpectsNothing,
    KeepsHalfOfAnAppend,
    CountsEachWriteAlone,
    ForgetsIds,
    TrustsTheNewestVersion,
    TidiesData,
    LetsTimeFall,
    RecordsBarriers,
    StaysSilent,
    RepeatsNumbers,
    NamesEachHandle,
    ShufflesPages,
    IgnoresTheLimit,
    LosesAnEvent,
    /// Deals out positions before the commit, so that a later event can be seen before an earlier one.
    CommitsOutOfOrder,
}

struct State {
    events: Vec<Recorded>,
    places: HashMap<Uuid, (StreamId, Position)>,
    versions: HashMap<StreamId, u64>,
    position: u64,
    clock: i64,
    sequences: HashMap<String, i64>,
    /// The last position that any reader of the feed was given.
    furthest_read: u64,
}

struct Log {
    flaw: Flaw,
    id: String,
    state: Arc<Mutex<State>>,
    grow: watch::Sender<Position>,
}

/// What became of an append: it can be seen, or it was dealt its positions and waits for its commit.
enum Taken {
    Visible(Position),
    Hidden(Position, Vec<Recorded>),
}

/// Handles on one log with a flaw.
struct Model {
    flaw: Flaw,
    state: Arc<Mutex<State>>,
    grow: watch::Sender<Position>,
    handles: Mutex<u32>,
}

impl Model {
    fn new(flaw: Flaw) -> Self {
        let state = State {
            events: Vec::new(),
            places: HashMap::new(),
            versions: HashMap::new(),
            position: 0,
            clock: 1_000_000,
            sequences: HashMap::new(),
            furthest_read: 0,
        };
        Self {
            flaw,
            state: Arc::new(Mutex::new(state)),
            grow: watch::Sender::new(Position::BEGINNING),
            handles: Mutex::new(0),
        }
    }

    fn open(&self) -> Arc<dyn EventLog> {
        let mut handles = self.handles.lock().unwrap();
        *handles += u32::from(self.flaw == Flaw::NamesEachHandle);
        Arc::new(Log {
            flaw: self.flaw,
            id: format!("model-{handles}"),
            state: Arc::clone(&self.state),
            grow: self.grow.clone(),
        })
    }
}

impl State {
    fn version(&self, stream: &StreamId) -> u64 {
        self.versions.get(stream).copied().unwrap_or(0)
    }

    fn obstacle(&self, writes: &[Write], flaw: Flaw) -> Option<StreamId> {
        let mut added: HashMap<&StreamId, u64> = HashMap::new();
        for write in writes {
            let added = added.entry(&write.stream).or_default();
            let version = self.version(&write.stream) + *added;
            if write.expected != version && flaw != Flaw::ExpectsNothing {
                return Some(write.stream.clone());
            }
            if flaw != Flaw::CountsEachWriteAlone {
                *added += u64::try_from(write.events.len()).unwrap();
            }
        }
        if matches!(flaw, Flaw::ForgetsIds | Flaw::TrustsTheNewestVersion) {
            return None;
        }
        let mut events =
            writes.iter().flat_map(|write| write.events.iter().map(|event| (&write.stream, event)));
        let known = events.find(|(_, event)| self.places.contains_key(&event.id));
        known.map(|(stream, _)| stream.clone())
    }

    fn written_before(&self, writes: &[Write]) -> Option<Position> {
        let mut last = None;
        for write in writes {
            for event in &write.events {
                let (stream, position) = self.places.get(&event.id)?;
                (*stream == write.stream).then(|| last = last.max(Some(*position)))?;
            }
        }
        last
    }

    fn take(&mut self, writes: &[Write], flaw: Flaw) -> Vec<Recorded> {
        let mut taken = Vec::new();
        for write in writes {
            for event in &write.events {
                self.position += 1;
                self.clock += if flaw == Flaw::LetsTimeFall { -1 } else { 1 };
                let skips = flaw == Flaw::SkipsAVersion && self.position.is_multiple_of(3);
                let version = self.version(&write.stream) + 1 + u64::from(skips);
                let position = Position(self.position);
                self.versions.insert(write.stream.clone(), version);
                self.places.insert(event.id, (write.stream.clone(), position));
                taken.push(Recorded {
                    event: stored(event, flaw),
                    stream: write.stream.clone(),
                    version,
                    position,
                    recorded_at: Time(self.clock),
                });
            }
        }
        taken
    }

    fn publish(&mut self, taken: Vec<Recorded>, flaw: Flaw) {
        let lost = |recorded: &Recorded| flaw == Flaw::LosesAnEvent && recorded.position.0.is_multiple_of(50);
        self.events.extend(taken.into_iter().filter(|recorded| !lost(recorded)));
        self.events.sort_by_key(|recorded| recorded.position);
    }
}

fn stored(event: &NewEvent, flaw: Flaw) -> NewEvent {
    let data = match flaw {
        Flaw::TidiesData => event.data.trim().to_owned(),
        _ => event.data.clone(),
    };
    NewEvent { data, ..event.clone() }
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Decides on the append and takes it under the lock; a slow commit is left to the caller.
    fn decide(&self, writes: &[Write]) -> Result<Taken, StoreError> {
        let mut state = self.state();
        if let Some(stream) = state.obstacle(writes, self.flaw) {
            if self.flaw != Flaw::ForgetsIds
                && let Some(position) = state.written_before(writes)
            {
                return Ok(Taken::Visible(position));
            }
            if self.flaw == Flaw::KeepsHalfOfAnAppend {
                let fine = |write: &&Write| state.version(&write.stream) == write.expected;
                let half: Vec<Write> = writes.iter().filter(fine).take(1).cloned().collect();
                let taken = state.take(&half, self.flaw);
                state.publish(taken, self.flaw);
            }
            return Err(StoreError::Conflict { stream });
        }
        let taken = state.take(writes, self.flaw);
        let last = Position(state.position);
        if self.flaw == Flaw::CommitsOutOfOrder {
            return Ok(Taken::Hidden(last, taken));
        }
        state.publish(taken, self.flaw);
        Ok(Taken::Visible(last))
    }

    /// Waits, as a slow commit would, until a reader is past the position, or nobody does anything.
    async fn dawdle(&self, position: u64) {
        let (mut seen, mut quiet) = ((0, 0), 0);
        while quiet < 5000 {
            let now = {
                let state = self.state();
                (state.position, state.furthest_read)
            };
            if now.1 > position {
                return;
            }
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl EventLog for Log {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        if writes.is_empty() {
            let mut state = self.state();
            state.position += u64::from(self.flaw == Flaw::RecordsBarriers);
            return Ok(Position(state.position));
        }
        let last = match self.decide(&writes)? {
            Taken::Visible(last) => last,
            Taken::Hidden(last, taken) => {
                if last.0.is_multiple_of(10) {
                    self.dawdle(last.0).await;
                }
                let mut state = self.state();
                state.publish(taken, self.flaw);
                last
            }
        };
        if self.flaw != Flaw::StaysSilent {
            self.grow.send_modify(|head| *head = last.max(*head));
        }
        Ok(last)
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let wanted = |recorded: &&Recorded| recorded.stream == *stream && recorded.version > after;
        Ok(state.events.iter().filter(wanted).cloned().collect())
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.read_stream(stream, 0).await?;
        let skipped = events.len().saturating_sub(usize::try_from(count).unwrap());
        Ok(events.split_off(skipped))
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let mut state = self.state();
        let limit = match self.flaw {
            Flaw::IgnoresTheLimit => usize::MAX,
            _ => usize::try_from(limit).unwrap(),
        };
        let rest = state.events.iter().filter(|recorded| recorded.position > after);
        let mut page: Vec<Recorded> = rest.take(limit).cloned().collect();
        let furthest = page.last().map_or(0, |recorded| recorded.position.0);
        state.furthest_read = state.furthest_read.max(furthest);
        if self.flaw == Flaw::ShufflesPages && page.len() > 3 {
            page.swap(1, 2);
        }
        Ok(page)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(Position(self.state().position))
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.grow.subscribe()
    }

    fn log_id(&self) -> &str {
        &self.id
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let mut state = self.state();
        let last = state.sequences.entry(name.to_owned()).or_default();
        *last += 1;
        Ok(Some(if self.flaw == Flaw::RepeatsNumbers { *last / 2 + 1 } else { *last }))
    }
}

async fn broken_by(flaw: Flaw) -> Vec<String> {
    let model = Model::new(flaw);
    violations(Appends::InOneTransaction, async || model.open()).await
}

fn handles(model: &Model) -> Handles {
    Handles { one: model.open(), other: model.open() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sound_log_breaks_no_law() {
    assert_eq!(broken_by(Flaw::None).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_fault_is_caught_by_the_law_against_it() {
    let pages = "the feed is read in pages of any size";
    let order = "everyone sees one order";
    let faults: [(Flaw, &[&str]); 15] = [
        (Flaw::SkipsAVersion, &["versions count from one without gaps"]),
        (Flaw::ExpectsNothing, &["a stream that is not as expected takes nothing"]),
        (Flaw::KeepsHalfOfAnAppend, &["several writes are all written or none"]),
        (Flaw::CountsEachWriteAlone, &["writes to one stream follow each other"]),
        (
            Flaw::ForgetsIds,
            &["the same event twice is one event", "an event sent by many at once is one event"],
        ),
        (Flaw::TrustsTheNewestVersion, &["a known event is not written at the newest version either"]),
        (Flaw::TidiesData, &["every byte comes back as it was written"]),
        (Flaw::LetsTimeFall, &["the time of recording never falls within a stream"]),
        (Flaw::RecordsBarriers, &["an append of nothing records nothing"]),
        (Flaw::RepeatsNumbers, &["numbers of a sequence are dealt out once"]),
        (Flaw::NamesEachHandle, &["the log keeps its name"]),
        (Flaw::ShufflesPages, &[pages, order]),
        (Flaw::IgnoresTheLimit, &[pages]),
        (Flaw::LosesAnEvent, &["thousands of events go in one append", order]),
        (Flaw::CommitsOutOfOrder, &[order]),
    ];
    for (flaw, laws) in faults {
        let broken = broken_by(flaw).await;
        for law in laws {
            let caught = broken.iter().any(|violation| violation.starts_with(law));
            assert!(caught, "{flaw:?} was not caught by \"{law}\", but by {broken:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_never_announces_its_growth_is_caught() {
    let model = Model::new(Flaw::StaysSilent);
    let verdict = super::laws::growth_is_announced_on_every_handle(&handles(&model)).await;
    assert!(verdict.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_dealt_out_before_the_commit_are_caught_as_events_that_a_reader_never_saw() {
    // Whether a reader or a writer trips over the gap first is for the scheduler to say.
    let mut others = Vec::new();
    for _ in 0..20 {
        let model = Model::new(Flaw::CommitsOutOfOrder);
        let violation = flood(&handles(&model), Reader::Careful).await.unwrap_err().to_string();
        if violation.contains("without having seen its event") {
            return;
        }
        others.push(violation);
    }
    panic!("no reader was told, but {others:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_trusts_the_head_is_caught() {
    let model = Model::new(Flaw::None);
    let violation = flood(&handles(&model), Reader::TrustsTheHead).await.unwrap_err();
    assert!(violation.to_string().contains("without having seen its event"), "{violation}");
}
