//! The events of a log on KurrentDB, for those who copy it. They keep the positions that they had where they come from. Who else is
//! connected can't be seen from here.

use async_trait::async_trait;
use eventstore::EventData;
use tokio::sync::RwLock;

use super::{
    OpenError, connect, envelope,
    name::{self, Name},
    ours::{Foreign, Ours},
    place::Copied,
    refusal,
    server::{Failure, Patience},
    state, stream_name, unopened,
    url::Url,
};
use crate::{
    StreamId,
    log::{
        LogHead, Position, Recorded, StoreError,
        copy::{LogRows, Sequence},
        unavailable, went_on,
    },
};

/// How many events are appended at once, which is well below what the server takes.
const AT_ONCE: usize = 64;

pub struct KurrentLogRows(RwLock<Ours>);

impl KurrentLogRows {
    /// Opens a log that is there already, and changes nothing in it; none where there is no log.
    pub async fn inspect(url: &Url) -> Result<Option<Self>, OpenError> {
        let server = connect(url)?;
        let open = async {
            let Some((name, _)) = name::find(&server).await? else { return Ok(None) };
            let places = name.places(&server).await?;
            Ok(Some(Self(RwLock::new(Ours { server, places }))))
        };
        open.await.map_err(|source| unopened(url, source))
    }

    /// Opens the log, or gives it a name where there is none.
    pub async fn open(url: &Url) -> Result<Self, OpenError> {
        let server = connect(url)?;
        let open = async {
            let places = name::find_or_give(&server).await?.places(&server).await?;
            Ok(Self(RwLock::new(Ours { server, places })))
        };
        open.await.map_err(|source| unopened(url, source))
    }
}

impl Ours {
    async fn name(&self) -> Result<(Name, u64), StoreError> {
        name::find(&self.server).await?.ok_or_else(went_on)
    }

    /// The last event, which must stand at `head`: where it was committed; none where there is no event.
    async fn is_at(&self, head: Position) -> Result<Option<u64>, StoreError> {
        let newest = self.newest().await?;
        let position = newest.map_or(Position::BEGINNING, |(position, _)| position);
        if position == head { Ok(newest.map(|(_, commit)| commit)) } else { Err(went_on()) }
    }

    /// Adds events of one stream, which follow each other.
    async fn add(&self, stream: &StreamId, events: &[Recorded]) -> Result<(), StoreError> {
        let before = events.first().map_or(0, |first| first.version.saturating_sub(1));
        let copied: Result<Vec<EventData>, _> = events.iter().map(envelope::copied).collect();
        let copied = copied.map_err(|error| refusal(stream, error.into()))?;
        let (name, mut patience) = (stream_name(self.server.url(), stream), Patience::new());
        loop {
            match self.server.append(&name, state(before), copied.clone(), &patience).await {
                Ok(_) => return Ok(()),
                Err(Failure::Version | Failure::NotFound) => return Err(went_on()),
                Err(Failure::Refused(source)) => return Err(refusal(stream, source)),
                // By their ids, the server knows those that it has already.
                Err(Failure::Before(cause) | Failure::Unsure(cause)) => patience.wait(cause).await?,
            }
        }
    }
}

#[async_trait]
impl LogRows for KurrentLogRows {
    async fn head(&self) -> Result<LogHead, StoreError> {
        let ours = self.0.read().await;
        let (Name { log_id, half_copied, .. }, _) = ours.name().await?;
        Ok(LogHead { log_id, position: ours.head().await?, half_copied })
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.0.read().await.read_all(&[], (after, limit), Foreign::Refused).await
    }

    async fn sequences(&self) -> Result<Vec<Sequence>, StoreError> {
        Ok(self.0.read().await.name().await?.0.sequences)
    }

    async fn others(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn begin(&self, log_id: &str, seen: &LogHead) -> Result<(), StoreError> {
        let mut ours = self.0.write().await;
        let (name, version) = ours.name().await?;
        let position = ours.head().await?;
        if (name.log_id.as_str(), name.half_copied, position)
            != (&seen.log_id, seen.half_copied, seen.position)
        {
            return Err(went_on());
        }
        let is_copy = name.half_copied || name.copied.is_some_and(|copied| copied.is_at(position));
        if position > Position::BEGINNING && !is_copy {
            return Err(unavailable("events were appended there; copy to streams with another prefix"));
        }
        let half = Name { log_id: log_id.to_owned(), half_copied: true, copied: None, sequences: Vec::new() };
        name::give(&ours.server, &half, version).await?;
        ours.places = half.places(&ours.server).await?;
        Ok(())
    }

    async fn add(&self, events: &[Recorded], after: Position) -> Result<(), StoreError> {
        let mut ours = self.0.write().await;
        if let Some(commit) = ours.is_at(after).await?
            && after > ours.places.last_known()
        {
            name::know(&ours.server, after, commit).await?;
            ours.places.know(after, commit);
        }
        for run in events.chunk_by(|one, next| one.stream == next.stream) {
            for part in run.chunks(AT_ONCE) {
                if let Some(first) = part.first() {
                    ours.add(&first.stream, part).await?;
                }
            }
        }
        Ok(())
    }

    async fn finish(&self, head: Position, sequences: &[Sequence]) -> Result<(), StoreError> {
        let mut ours = self.0.write().await;
        let commit = ours.is_at(head).await?;
        let (name, version) = ours.name().await?;
        // Where nothing was copied, as nothing was missing, events stand where they were appended.
        let copied = match commit {
            Some(commit) if name.half_copied => Some(Copied::up_to(head, commit)),
            _ => name.copied,
        };
        let whole = Name { half_copied: false, copied, sequences: sequences.to_vec(), ..name };
        name::give(&ours.server, &whole, version).await?;
        ours.places = whole.places(&ours.server).await?;
        Ok(())
    }
}
