//! Which log it is that our streams make up, whether it is whole, and where copied events stand: told by streams beside those that
//! hold events.

use eventstore::{EventData, ReadStreamOptions, RecordedEvent, StreamPosition, StreamState};
use serde::{Deserialize, Serialize};

use super::{
    nothing,
    place::{Copied, Places},
    server::{self, Failure, Patience, Server, Wanted},
    state,
    url::Url,
};
use crate::{
    Cause,
    log::{LogHead, Position, StoreError, copy::Sequence, unavailable, went_on},
    random,
};

/// As the newest event of the stream has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    pub(super) log_id: String,
    /// Whether it is being made a copy of another log, and lacks some of that.
    pub(super) half_copied: bool,
    /// The end of what was copied, where anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copied: Option<Copied>,
    /// Those of the log that was copied. Nothing here deals their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sequences: Vec<Sequence>,
}

/// Where a copied event stands.
#[derive(Serialize, Deserialize)]
struct Known {
    position: u64,
    commit: u64,
}

/// The user may read, but not append.
#[derive(Debug, thiserror::Error)]
#[error("the log can't be given a name")]
pub(super) struct Unnamed(#[source] Cause);

const NAMED: &str = "log.named.v1";
const KNOWN: &str = "log.place-known.v1";

impl Name {
    /// The positions of this log.
    pub(super) async fn places(&self, server: &Server) -> Result<Places, StoreError> {
        Ok(match self.copied {
            Some(copied) => Places::of(Some(copied), known(server).await?),
            None if self.half_copied => Places::growing(known(server).await?),
            None => Places::default(),
        })
    }
}

/// The name, and the version of the stream that says so; none where there is no log yet.
pub(super) async fn find(server: &Server) -> Result<Option<(Name, u64)>, StoreError> {
    let newest = ReadStreamOptions::default().position(StreamPosition::End).max_count(1);
    let found = server.read(&Wanted::Stream(&stream(server.url()), newest)).await?;
    let Some(event) = found.first() else { return Ok(None) };
    let name = serde_json::from_slice(&event.data).map_err(unavailable)?;
    Ok(Some((name, event.revision + 1)))
}

/// The name of the log, which is given one if it has none.
pub(super) async fn find_or_give(server: &Server) -> Result<Name, StoreError> {
    loop {
        if let Some((name, _)) = find(server).await? {
            return Ok(name);
        }
        let log_id = LogHead::new_id();
        let name = Name { log_id, half_copied: false, copied: None, sequences: Vec::new() };
        match give(server, &name, 0).await {
            Err(StoreError::Unavailable(source)) if server::is_of_access(&source) => {
                return Err(unavailable(Unnamed(source)));
            }
            // Someone else gave it one at this moment.
            Err(StoreError::Unavailable(_)) if find(server).await?.is_some() => {}
            given => return given.map(|()| name),
        }
    }
}

/// Gives the log a name, if its last one is still the one at this version.
pub(super) async fn give(server: &Server, name: &Name, expected: u64) -> Result<(), StoreError> {
    note(server, &stream(server.url()), (NAMED, name), state(expected)).await
}

/// Notes where a copied event stands.
pub(super) async fn know(server: &Server, position: Position, commit: u64) -> Result<(), StoreError> {
    note(server, &places(server.url()), (KNOWN, &Known { position: position.0, commit }), StreamState::Any)
        .await
}

async fn known(server: &Server) -> Result<Vec<(Position, u64)>, StoreError> {
    let all = Wanted::Stream(&places(server.url()), ReadStreamOptions::default());
    let read = |event: &RecordedEvent| serde_json::from_slice::<Known>(&event.data).map_err(unavailable);
    let known: Result<Vec<_>, _> = server.read(&all).await?.iter().map(read).collect();
    let mut known: Vec<_> =
        known?.into_iter().map(|Known { position, commit }| (Position(position), commit)).collect();
    // One that was noted twice, as the first answer was lost.
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

/// Appends an event to a stream beside the log.
pub(super) async fn note(
    server: &Server,
    stream: &str,
    (kind, data): (&str, &impl Serialize),
    expected: StreamState,
) -> Result<(), StoreError> {
    let event = EventData::json(kind, data).map_err(unavailable)?.id(random::id());
    let mut patience = Patience::new();
    loop {
        match server.append(stream, expected, vec![event.clone()], &patience).await {
            Ok(_) => return Ok(()),
            Err(Failure::Version | Failure::NotFound) => return Err(went_on()),
            Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
            // The event has one id each time.
            Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
        }
    }
}

/// All streams beside the log.
pub(super) fn beside(url: &Url) -> [String; 3] {
    [stream(url), places(url), nothing(url)]
}

/// No stream of the log begins like this.
fn stream(url: &Url) -> String {
    format!("{}.log", url.prefix())
}

fn places(url: &Url) -> String {
    format!("{}.places", url.prefix())
}
