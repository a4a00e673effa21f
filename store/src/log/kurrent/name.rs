//! Which log it is that our streams make up, and whether it is whole: told by a stream beside those that hold events.

use kurrentdb::{EventData, ReadStreamOptions, StreamPosition};
use serde::{Deserialize, Serialize};

use super::{
    server::{Failure, Patience, Server, Wanted},
    state,
};
use crate::{
    log::{StoreError, unavailable, went_on},
    random,
};

/// As the newest event of the stream has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    pub(super) log_id: String,
    /// Whether it is being made a copy of another log, and lacks some of that.
    pub(super) half_copied: bool,
}

const KIND: &str = "log.named.v1";

/// The name, and the version of the stream that says so; none where there is no log yet.
pub(super) async fn find(server: &Server) -> Result<Option<(Name, u64)>, StoreError> {
    let newest = ReadStreamOptions::default().position(StreamPosition::End).max_count(1);
    let found = server.read(&Wanted::Stream(&stream(server), newest)).await?;
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
        let name = Name { log_id: format!("{:08x}", random::number() >> 32), half_copied: false };
        match give(server, &name, 0).await {
            // Someone else gave it one at this moment.
            Err(StoreError::Unavailable(_)) if find(server).await?.is_some() => {}
            given => return given.map(|()| name),
        }
    }
}

/// Gives the log a name, if its last one is still the one at this version.
pub(super) async fn give(server: &Server, name: &Name, expected: u64) -> Result<(), StoreError> {
    let event = EventData::json(KIND, name).map_err(unavailable)?.id(random::id());
    let (stream, mut patience) = (stream(server), Patience::new());
    loop {
        match server.append(&stream, state(expected), vec![event.clone()]).await {
            Ok(_) => return Ok(()),
            Err(Failure::Version | Failure::NotFound) => return Err(went_on()),
            Err(Failure::Refused(cause)) => return Err(unavailable(cause)),
            // The event has one id each time.
            Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
        }
    }
}

/// No stream of the log begins like this.
fn stream(server: &Server) -> String {
    format!("{}.log", server.url().prefix())
}
