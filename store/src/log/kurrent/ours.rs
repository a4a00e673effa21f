//! Our streams on a server that may hold those of others as well: read as one log, in the order in which the server committed them.

use eventstore::{ReadAllOptions, RecordedEvent, StreamPosition, SubscriptionFilter};

use super::{
    envelope,
    place::{Places, Start},
    server::{Patience, Server, Wanted},
    size,
    url::Url,
};
use crate::{
    chain,
    log::{Position, Recorded, StoreError},
};

pub(super) struct Ours {
    pub(super) server: Server,
    pub(super) places: Places,
}

/// What becomes of an event in our streams that this adapter has not written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It is an error: whoever copies must not leave anything out.
    Refused,
    /// It is passed on as an event of a kind that nobody knows: it is a matter of its stream, and others are read on.
    Marked,
}

impl Ours {
    /// Reads, and decodes what comes while more is on its way: events that wait for it cost more memory than all that is done with them.
    pub(super) async fn read(
        &self,
        patience: &mut Patience,
        wanted: &Wanted<'_>,
        foreign: Foreign,
    ) -> Result<Vec<Recorded>, StoreError> {
        let prefix = format!("{}-", self.server.url().prefix());
        let decode = |event: RecordedEvent| self.decode(&prefix, &event, foreign).transpose();
        self.server.read_as(patience, wanted, decode).await?.into_iter().flatten().collect()
    }

    fn decode(
        &self,
        prefix: &str,
        event: &RecordedEvent,
        foreign: Foreign,
    ) -> Result<Option<Recorded>, StoreError> {
        let place = (prefix, &self.places);
        match envelope::read(place, event) {
            Ok(recorded) => Ok(Some(recorded)),
            Err(error) if foreign == Foreign::Refused => Err(error),
            Err(error) => {
                tracing::warn!(
                    stream = event.stream_id(),
                    kind = event.event_type,
                    cause = chain(&error),
                    "an event is none of ours"
                );
                Ok(envelope::foreign(place, event))
            }
        }
    }

    /// At most `limit` events after a position, of streams of these kinds; of all, if there are none.
    pub(super) async fn read_all(
        &self,
        kinds: &[&str],
        (after, limit): (Position, u32),
        foreign: Foreign,
    ) -> Result<Vec<Recorded>, StoreError> {
        let Start { from, before } = self.places.start(after);
        let options = ReadAllOptions::default().position(from).max_count(size(limit.saturating_add(before)));
        let wanted = Wanted::All(options.filter(of_kinds(self.server.url(), kinds)));
        let mut events = self.read(&mut Patience::new(), &wanted, foreign).await?;
        events.retain(|event| event.position > after);
        events.truncate(size(limit));
        Ok(events)
    }

    /// The position of our newest event.
    pub(super) async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.newest().await?.map_or(Position::BEGINNING, |(position, _)| position))
    }

    /// The position of our newest event, and where it was committed.
    pub(super) async fn newest(&self) -> Result<Option<(Position, u64)>, StoreError> {
        let options = ReadAllOptions::default().position(StreamPosition::End).max_count(1);
        let wanted = Wanted::All(options.filter(of_kinds(self.server.url(), &[])));
        let newest = self.server.read(&wanted).await?;
        let prefix = format!("{}-", self.server.url().prefix());
        let place = (prefix.as_str(), &self.places);
        // Whose it is is told where it is read to be gone by.
        let position = |event| match envelope::read(place, event) {
            Ok(ours) => Some(ours.position),
            Err(_) => envelope::foreign(place, event).map(|foreign| foreign.position),
        };
        Ok(newest.first().and_then(|event| Some((position(event)?, event.position.commit))))
    }
}

/// Our streams of these kinds; all of them, if there are none.
pub(super) fn of_kinds(url: &Url, kinds: &[&str]) -> SubscriptionFilter {
    let (filter, prefix) = (SubscriptionFilter::on_stream_name(), url.prefix());
    match kinds {
        [] => filter.add_prefix(format!("{prefix}-")),
        kinds => kinds.iter().fold(filter, |filter, kind| filter.add_prefix(format!("{prefix}-{kind}-"))),
    }
}
