//! How far all is done of what concerns a consumer, where the log tells what there is to do and somebody else what was done.

use store::Position;

/// How far all is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// Up to where the log was looked at.
    pub(super) taken: Position,
    /// The last event up to there that concerns the consumer, unless all of those are known to be done.
    pub(super) owed: Option<Position>,
    /// Up to where all was known to be done while something was owed.
    pub(super) settled: Position,
}

impl Progress {
    pub(super) const fn new() -> Self {
        Self { taken: Position::BEGINNING, owed: None, settled: Position::BEGINNING }
    }

    /// Takes note of an event in the log.
    pub(super) fn take(&mut self, position: Position, concerns: bool) {
        if concerns {
            if self.owed.is_none() {
                self.settled = self.settled.max(self.taken);
            }
            self.owed = Some(position);
        }
        self.taken = position;
    }

    /// Up to where all is done, of what was taken up to `taken`.
    pub(super) fn done(self, taken: Position) -> Position {
        if self.owed.is_some() { taken.min(self.settled) } else { taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_holds_the_place_where_all_was_done_before() {
        let mut progress = Progress::new();
        for position in 1..=3 {
            progress.take(Position(position), false);
        }
        assert_eq!(progress.done(Position(3)), Position(3));
        progress.take(Position(4), true);
        progress.take(Position(5), false);
        progress.take(Position(6), true);
        assert_eq!(progress.done(Position(6)), Position(3));
        assert_eq!(progress.owed, Some(Position(6)));
        progress.settled = Position(4);
        assert_eq!(progress.done(Position(6)), Position(4));
        progress.owed = None;
        assert_eq!(progress.done(Position(6)), Position(6));
    }
}
