//! Makes one log the same as another: its id, and its events, byte for byte and at the same positions, so that vault, read models
//! and whoever noted a position go on with either. Goes on where an earlier attempt ended. Knows no engine.

mod rows;
mod sum;
#[cfg(test)]
mod tests;

use super::{Position, StoreError};
pub use rows::{LogRows, Sequence};
pub use sum::Sum;

/// How many events are read and written at once.
pub(super) const BATCH: u32 = 1000;

/// One log on its way into another.
pub struct Copy<'a> {
    pub from: &'a dyn LogRows,
    pub to: &'a dyn LogRows,
    pub progress: &'a (dyn Fn(Step) + Sync),
}

/// What is being done, and which position it has come to of the one that it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Whether the target holds what an earlier attempt copied.
    Comparing {
        done: u64,
        of: u64,
    },
    Copying {
        done: u64,
        of: u64,
    },
    /// Both logs, from their beginning.
    ReadingBack {
        done: u64,
        of: u64,
    },
}

/// What came of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub log_id: String,
    /// How many events the target held already.
    pub held: u64,
    pub source: Sum,
    pub target: Sum,
    pub end: End,
}

/// Whether the target may be gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It holds all of the source, and nobody wrote to that meanwhile.
    Whole,
    /// It holds what the source held at first; that may have grown.
    Behind,
    /// What was read back is not what was written.
    Different,
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the source is a copy itself that was begun and not finished")]
    HalfSource,
    #[error("the target holds events of another log, {log_id}, up to position {}; give one that is empty", .position.0)]
    AnotherLog { log_id: String, position: Position },
    #[error("the target is no copy of the source: at position {} it holds another event", .0.0)]
    AnotherEvent(Position),
    #[error("the target is ahead of the source: it has come to position {}, and the source to {}", .target.0, .source_at.0)]
    Ahead { source_at: Position, target: Position },
    #[error(transparent)]
    Log(#[from] StoreError),
}

impl Copy<'_> {
    /// Copies what the target does not hold yet, reads both logs back, and answers what they come to. Nothing is written to a
    /// target that holds anything else. When all is copied, `settled` is asked whether it is certain that nobody writes to the
    /// source any more; only then is the target made whole.
    pub async fn run<E>(&self, settled: impl AsyncFnOnce() -> Result<bool, E>) -> Result<Copied, E>
    where
        E: From<CopyError>,
    {
        let (held, until) = self.judge().await?;
        let mut until = self.carry(until).await?;
        let is_settled = settled().await?;
        if is_settled {
            until = self.carry(until).await?;
        }
        Ok(self.end(held, until, is_settled).await?)
    }

    /// Makes sure that the target is a beginning of the source, and answers how many events that are and how far it goes.
    async fn judge(&self) -> Result<(u64, Position), CopyError> {
        let (source, target) = (self.from.head().await?, self.to.head().await?);
        if source.half_copied {
            return Err(CopyError::HalfSource);
        }
        let held = target.position;
        if held > Position::BEGINNING && target.log_id != source.log_id {
            return Err(CopyError::AnotherLog { log_id: target.log_id, position: held });
        }
        if held > source.position {
            return Err(CopyError::Ahead { source_at: source.position, target: held });
        }
        Ok((self.compare(held).await?, held))
    }

    /// Looks for the first event of the target that the source has not, and counts those that it has.
    async fn compare(&self, until: Position) -> Result<u64, CopyError> {
        let (mut place, mut count) = (Position::BEGINNING, 0);
        while place < until {
            (self.progress)(Step::Comparing { done: place.0, of: until.0 });
            let (source, target) =
                tokio::try_join!(self.from.read_all(place, BATCH), self.to.read_all(place, BATCH))?;
            let stray = target.iter().enumerate().find(|(at, event)| source.get(*at) != Some(event));
            match (stray, target.last()) {
                (Some((_, event)), _) => return Err(CopyError::AnotherEvent(event.position)),
                (None, Some(last)) => (place, count) = (last.position, count + target.len() as u64),
                (None, None) => return Err(CopyError::AnotherEvent(until)),
            }
        }
        Ok(count)
    }

    /// Copies what comes after `place`, up to where the source stands now. The next events are read while some are written.
    async fn carry(&self, place: Position) -> Result<Position, CopyError> {
        let (source, target) = (self.from.head().await?, self.to.head().await?);
        let until = source.position;
        if target.log_id != source.log_id || (place < until && !target.half_copied) {
            self.to.begin(&source.log_id, &target).await?;
        }
        let mut place = place;
        let mut batch = self.from.read_all(place, BATCH).await?;
        while let Some(last) = batch.last().map(|event| event.position).filter(|_| place < until) {
            (self.progress)(Step::Copying { done: place.0, of: until.0 });
            let (next, ()) = tokio::try_join!(self.from.read_all(last, BATCH), self.to.add(&batch, place))?;
            (place, batch) = (last, next);
        }
        Ok(place)
    }

    /// Sums up both logs up to `until`, and makes the target whole if nothing speaks against it.
    async fn end(&self, held: u64, until: Position, settled: bool) -> Result<Copied, CopyError> {
        let tell = |at: Position| (self.progress)(Step::ReadingBack { done: at.0, of: until.0 });
        let (source, target) =
            tokio::try_join!(Sum::of(self.from, until, |_| ()), Sum::of(self.to, until, tell))?;
        let end = if source != target {
            End::Different
        } else if settled && self.from.head().await?.position == until {
            self.to.finish(until, &self.from.sequences().await?).await?;
            End::Whole
        } else {
            End::Behind
        };
        Ok(Copied { log_id: self.from.head().await?.log_id, held, source, target, end })
    }
}
