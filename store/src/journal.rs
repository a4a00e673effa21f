//! Aggregates over the log: loads and folds a stream, decides, seals, and appends what was decided at the version that
//! was folded. The one way by which commands reach the log; holds no rule itself.

mod decode;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::{
    Aggregate, Claim, User,
    claim::{self, Seen},
};
use serde_json::Value;
use uuid::Uuid;

pub use decode::closed;

use crate::{
    Cause, EventLog, NewEvent, Position, Recorded, StoreError, StreamId, Vault, VaultError, Write, random,
    seal::{self, Place},
};

/// How often a command is decided again when someone else wrote first.
const ATTEMPTS: u32 = 4;

/// On whose behalf, and as a consequence of what, something is written.
#[derive(Debug, Clone)]
pub struct Context {
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    /// `user:<pk>`, `anonymous`, `operator` or the name of a worker.
    pub actor: String,
}

impl Context {
    /// What `actor` does on its own account, as a matter of its own.
    pub fn of(actor: impl Into<String>) -> Self {
        Self { correlation: random::id(), causation: None, actor: actor.into() }
    }

    /// What `worker` does because of an event.
    pub fn because_of(event: &Recorded, worker: &str) -> Self {
        let (correlation, causation) = (event.event.correlation, Some(event.event.id));
        Self { correlation, causation, actor: worker.to_owned() }
    }
}

/// An aggregate as its stream tells it.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: A,
    /// How many events were folded.
    pub version: u64,
    /// Where the last of them stands.
    pub position: Position,
}

impl<A: Aggregate> Loaded<A> {
    /// An aggregate before its first event.
    pub fn nothing() -> Self {
        Self { state: A::default(), version: 0, position: Position::BEGINNING }
    }
}

impl<A> From<Loaded<A>> for Seen<A> {
    fn from(loaded: Loaded<A>) -> Self {
        Self { state: loaded.state, version: loaded.version }
    }
}

/// What becomes of private values when a stream is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seals {
    Opened,
    /// They come as if they were shredded, and no key is fetched: for those whose rules ask for none of them.
    Kept,
}

/// Decided events for one stream, not yet sealed.
#[derive(Debug)]
pub struct Change {
    stream: StreamId,
    expected: u64,
    events: Vec<Typed>,
}

#[derive(Debug)]
struct Typed {
    kind: String,
    data: Value,
}

impl Change {
    /// What was decided on the state that `expected` events led to.
    pub fn of<A: Aggregate>(
        stream: StreamId,
        expected: u64,
        events: &[A::Event],
    ) -> Result<Self, StoreError> {
        let typed = |event| encode::<A>(event).ok_or_else(|| unencodable(&stream));
        let events = events.iter().map(typed).collect::<Result<_, _>>()?;
        Ok(Self { stream, expected, events })
    }
}

impl TryFrom<&claim::Write<StreamId>> for Change {
    type Error = StoreError;

    fn try_from(write: &claim::Write<StreamId>) -> Result<Self, StoreError> {
        match write {
            claim::Write::User { user, expected, events } => {
                Self::of::<User>(StreamId::user(*user), *expected, events)
            }
            claim::Write::Claim { name, expected, events } => {
                Self::of::<Claim>(name.clone(), *expected, events)
            }
        }
    }
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Executed<A> {
    pub state: A,
    /// Where the last event of the aggregate stands, also when nothing was to be recorded.
    pub position: Position,
    /// Whether anything was recorded.
    pub recorded: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E: std::error::Error + 'static> {
    #[error("the command was refused")]
    Refused(#[source] E),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The typed, sealed way to the log. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
}

impl Journal {
    pub fn new(log: Arc<dyn EventLog>, vault: Arc<Vault>) -> Self {
        Self { log, vault }
    }

    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Folds a whole stream.
    pub async fn load<A: Aggregate>(&self, stream: &StreamId) -> Result<Loaded<A>, StoreError> {
        self.fold_after(stream, Loaded::nothing(), Seals::Opened).await
    }

    /// The same for those who ask for nothing that is sealed: it comes as if it were shredded, and no key is fetched.
    pub async fn load_closed<A: Aggregate>(&self, stream: &StreamId) -> Result<Loaded<A>, StoreError> {
        self.fold_after(stream, Loaded::nothing(), Seals::Kept).await
    }

    /// The aggregate as it was when its stream held `version` events.
    pub async fn load_as_of<A: Aggregate>(&self, stream: &StreamId, version: u64) -> Result<A, StoreError> {
        let mut state = A::default();
        for recorded in self.log.read_stream(stream, 0).await? {
            if recorded.version > version {
                break;
            }
            state = state.evolve(&self.decode::<A>(&recorded).await?);
        }
        Ok(state)
    }

    /// Folds what a stream holds beyond a state that is known already, its seals opened or not.
    pub(crate) async fn fold_after<A: Aggregate>(
        &self,
        stream: &StreamId,
        known: Loaded<A>,
        seals: Seals,
    ) -> Result<Loaded<A>, StoreError> {
        let mut loaded = known;
        for recorded in self.log.read_stream(stream, loaded.version).await? {
            let event = match seals {
                Seals::Opened => self.decode::<A>(&recorded).await?,
                Seals::Kept => closed::<A>(&recorded)?,
            };
            loaded = Loaded {
                state: loaded.state.evolve(&event),
                version: recorded.version,
                position: recorded.position,
            };
        }
        Ok(loaded)
    }

    /// Seals and appends changes, and answers where the last event stands; see [`EventLog::append`].
    pub async fn append(&self, context: &Context, changes: Vec<Change>) -> Result<Position, StoreError> {
        self.append_then(context, changes, Vec::new()).await
    }

    /// The same, with what follows from the changes; see [`EventLog::append_then`].
    pub async fn append_then(
        &self,
        context: &Context,
        changes: Vec<Change>,
        afterwards: Vec<Change>,
    ) -> Result<Position, StoreError> {
        let wanted: Vec<_> = changes
            .iter()
            .chain(&afterwards)
            .flat_map(|change| change.events.iter().flat_map(|event| seal::keys_in(&event.data)))
            .collect();
        let keys = self.vault.keys_for_writing(&wanted).await.map_err(|error| match error {
            VaultError::Unavailable(source) => StoreError::Unavailable(source),
            error => unwritable(changes.first().map(|change| &change.stream), error.into()),
        })?;
        let sealed = |stream: &StreamId, event: Typed| {
            let (id, mut data) = (random::id(), event.data);
            let place = Place { stream, event: id, kind: &event.kind };
            let sealed = seal::take_private(&mut data, &keys, &place).map(|value| value.to_string());
            NewEvent {
                id,
                correlation: context.correlation,
                causation: context.causation,
                actor: context.actor.clone(),
                data: data.to_string(),
                sealed,
                kind: event.kind,
            }
        };
        let write = |Change { stream, expected, events }| Write {
            events: events.into_iter().map(|event| sealed(&stream, event)).collect(),
            stream,
            expected,
        };
        let writes = changes.into_iter().map(write).collect();
        self.log.append_then(writes, afterwards.into_iter().map(write).collect()).await
    }

    /// Waits as long as recording one event takes, and records nothing.
    pub async fn append_nothing(&self) -> Result<(), StoreError> {
        self.log.append(Vec::new()).await.map(drop)
    }

    /// Loads, decides and appends; again, from the start, when someone else wrote to the stream in between.
    pub async fn execute<A: Aggregate>(
        &self,
        context: &Context,
        stream: &StreamId,
        command: A::Command,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let loaded = self.load::<A>(stream).await?;
        self.execute_on(context, stream, loaded, command).await
    }

    /// The same for one who has just loaded the aggregate.
    pub async fn execute_on<A: Aggregate>(
        &self,
        context: &Context,
        stream: &StreamId,
        mut loaded: Loaded<A>,
        command: A::Command,
    ) -> Result<Executed<A>, ExecuteError<A::Error>> {
        let mut attempt = 1;
        loop {
            let events = loaded.state.decide(command.clone()).map_err(ExecuteError::Refused)?;
            if events.is_empty() {
                return Ok(Executed { state: loaded.state, position: loaded.position, recorded: false });
            }
            let change = Change::of::<A>(stream.clone(), loaded.version, &events)?;
            match self.append(context, vec![change]).await {
                Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    loaded = self.load(stream).await?;
                }
                outcome => {
                    let state = events.iter().fold(loaded.state, A::evolve);
                    return Ok(Executed { state, position: outcome?, recorded: true });
                }
            }
        }
    }
}

/// An event as adjacently tagged JSON, taken apart; none if a private value in it could not be sealed.
fn encode<A: Aggregate>(event: &A::Event) -> Option<Typed> {
    let Value::Object(mut tagged) = serde_json::to_value(event).ok()? else {
        return None;
    };
    let Value::String(kind) = tagged.remove("type")? else {
        return None;
    };
    let data = tagged.remove("data").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    (!seal::out_of_reach(&data)).then_some(Typed { kind, data })
}

fn unencodable(stream: &StreamId) -> StoreError {
    unwritable(Some(stream), "it has no JSON form of which every private value can be sealed".into())
}

fn unwritable(stream: Option<&StreamId>, source: Cause) -> StoreError {
    StoreError::Unwritable { stream: stream.cloned().unwrap_or_else(|| StreamId::named("")), source }
}
