//! What a message on the stream says of itself, and whether the log knows of it: the log alone says what is true.

use serde::Deserialize;
use store::{EventLog, Position, Recorded, StoreError};
use uuid::Uuid;

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Mark {
    pub(crate) id: Uuid,
    /// Where its event stands, with the name of the log.
    pub(crate) position: String,
}

/// What the log has there.
pub(crate) enum Found {
    Event(Box<Recorded>),
    /// Something else, or nothing: the log was perhaps put back from a backup.
    Nothing,
    /// It is of another log.
    Foreign,
}

impl Mark {
    /// Looks the event up in the log.
    pub(crate) async fn look_up(&self, log: &dyn EventLog) -> Result<Found, StoreError> {
        let own = self.position.strip_prefix(log.log_id()).is_some_and(|rest| rest.starts_with('-'));
        let Some(position) = Position::from_text(log.log_id(), &self.position) else {
            return Ok(if own { Found::Nothing } else { Found::Foreign });
        };
        let found = log.read_all(Position(position.0.saturating_sub(1)), 1).await?;
        let event = found.into_iter().next().filter(|event| event.event.id == self.id);
        Ok(event.map_or(Found::Nothing, |event| Found::Event(Box::new(event))))
    }
}
