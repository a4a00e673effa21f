//! A log in memory that appends to a single stream at a time, such as an event store without transactions over several
//! streams does. Clones are handles on one log; it is gone with the last of them.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::Time;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Position, Recorded, StoreError, StreamId, Write, one_by_one::StreamLog};
use crate::{clock, random};

/// A log that lives as long as the process.
#[derive(Clone)]
pub struct MemoryLog {
    id: Arc<str>,
    events: Arc<Mutex<Events>>,
    grown: watch::Sender<Position>,
}

#[derive(Default)]
struct Events {
    all: Vec<Recorded>,
    /// Where the events of each stream stand in `all`.
    streams: HashMap<StreamId, Vec<usize>>,
    places: HashMap<Uuid, usize>,
}

impl MemoryLog {
    /// An empty log under an id of its own.
    pub fn new() -> Self {
        Self {
            id: random::id().to_string().into(),
            events: Arc::default(),
            grown: watch::Sender::new(Position::BEGINNING),
        }
    }

    /// An append is complete before anything in it could fail, so a lock that someone died under is still sound.
    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    fn head(&self) -> Position {
        self.all.last().map_or(Position::BEGINNING, |recorded| recorded.position)
    }

    fn of_stream(&self, stream: &StreamId) -> impl Iterator<Item = &Recorded> {
        self.streams.get(stream).into_iter().flatten().filter_map(|index| self.all.get(*index))
    }

    fn append(&mut self, write: Write) -> Result<Position, StoreError> {
        let last = self.of_stream(&write.stream).last();
        let (version, time) = last.map_or((0, Time(0)), |last| (last.version, last.recorded_at));
        let mut ids: Vec<Uuid> = write.events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let are_new = ids.len() == write.events.len() && !ids.iter().any(|id| self.places.contains_key(id));
        if version != write.expected || !are_new {
            let conflict = StoreError::Conflict { stream: write.stream.clone() };
            return self.written_before(&write).ok_or(conflict);
        }
        let at = clock::now().max(time);
        for (version, event) in (version + 1..).zip(write.events) {
            let (index, position) = (self.all.len(), Position(self.head().0 + 1));
            self.places.insert(event.id, index);
            self.streams.entry(write.stream.clone()).or_default().push(index);
            let stream = write.stream.clone();
            self.all.push(Recorded { event, stream, version, position, recorded_at: at });
        }
        Ok(self.head())
    }

    /// Where the last of these events stands, if every one was written to its stream by an earlier attempt.
    fn written_before(&self, write: &Write) -> Option<Position> {
        let mut last = None;
        for event in &write.events {
            let recorded = self.places.get(&event.id).and_then(|index| self.all.get(*index))?;
            if recorded.stream != write.stream {
                return None;
            }
            last = last.max(Some(recorded.position));
        }
        last
    }
}

#[async_trait]
impl StreamLog for MemoryLog {
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError> {
        let mut events = self.events();
        let position = events.append(write)?;
        self.grown.send_replace(events.head());
        Ok(position)
    }

    async fn append_nothing(&self) -> Result<Position, StoreError> {
        self.head().await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let events = self.events();
        Ok(events.of_stream(stream).filter(|recorded| recorded.version > after).cloned().collect())
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        let events = self.events();
        let length = events.of_stream(stream).count();
        let skipped = length.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(events.of_stream(stream).skip(skipped).cloned().collect())
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let events = self.events();
        let start = events.all.partition_point(|recorded| recorded.position <= after);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(events.all.iter().skip(start).take(limit).cloned().collect())
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut found = StreamLog::read_all(self, after, u32::MAX).await?;
        found.retain(|recorded| kinds.contains(&recorded.stream.kind()));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.events().head())
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.grown.subscribe()
    }

    fn log_id(&self) -> &str {
        &self.id
    }

    async fn next_in_sequence(&self, _name: &str) -> Result<Option<i64>, StoreError> {
        Ok(None)
    }
}
