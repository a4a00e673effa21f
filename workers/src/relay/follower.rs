//! The relay at work: follows the log and publishes in its order, each event after the one before it and after nothing else. How far
//! it is, the stream says: what that lost is published again, and what it holds is not.

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_trait::async_trait;
use store::{
    Position, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    RelayError,
    message::{Message, Outward},
    publication::published,
    stream::{After, End},
};
use crate::{
    bus::{BusState, EventStream, Found, set_up},
    nats::Access,
    place::Place,
};

/// The name under which it leads.
pub const RELAY: &str = "relay";
/// How many events may wait for their acknowledgement.
const IN_FLIGHT: usize = 256;
/// How often in a row it looks anew at a stream to which someone else published, before it pauses.
const ATTEMPTS: u32 = 3;
/// How often it looks whether all is there that should be on NATS.
const SET_UP: Duration = Duration::from_mins(1);
/// How many events are read to see whether any of them is public.
const LOOK: u32 = 1000;

/// Publishes what the log holds to a stream on NATS.
pub struct Relay {
    access: Access,
    outward: Outward,
    desk: Desk,
    link: Option<Link>,
    /// Where the last batch ended that was handed out.
    taken: Option<Position>,
    place: Place,
    /// When it was looked last whether all is there that should be on NATS.
    set_up_at: Instant,
    /// What is wrong with the bus and was said already.
    warned: Vec<String>,
    state: BusState,
}

/// A stream of which it is known where it ends.
struct Link {
    stream: EventStream,
    end: Tip,
    /// Up to where the stream holds all that is public.
    place: Position,
}

/// The last message of the stream.
#[derive(Clone, Copy)]
enum Tip {
    /// As it was found. A server that was started anew may not know its id any more, but its number.
    Found(u64),
    /// As it was published over this link: the next ones can follow without waiting for each other.
    Published(Uuid),
}

/// A message that waits for its acknowledgement.
struct Sent {
    id: Uuid,
    position: Position,
    acknowledged: PublishAckFuture,
}

impl Relay {
    pub fn new(access: Access, outward: Outward, desk: Desk) -> Self {
        let (place, state) = (Place::new(), BusState::new());
        let set_up_at = Instant::now();
        Self { access, outward, desk, link: None, taken: None, place, set_up_at, warned: Vec::new(), state }
    }

    /// How the bus does.
    pub fn state(&self) -> BusState {
        self.state.clone()
    }

    /// Publishes a batch, and comes back when all of it is in the stream.
    async fn relay(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), RelayError> {
        let first = batch.first().map_or(Position::BEGINNING, |event| event.position);
        let mut attempt = 1;
        loop {
            let mut link = match self.link.take().filter(|link| !link.stream.is_lost()) {
                Some(link) => link,
                None => self.align(Position(first.0.saturating_sub(1)), lease).await?,
            };
            match publish(&mut self.outward, &mut link, batch, lease).await {
                Ok(()) => {
                    self.link = Some(link);
                    return Ok(());
                }
                Err(RelayError::Refused(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Finds out where the stream ends. It must hold all that is public up to `due`: else the log is followed anew from there.
    async fn align(&mut self, due: Position, lease: &Lease) -> Result<Link, RelayError> {
        let stream = EventStream::open(&self.access, RELAY).await?;
        self.warn_of(set_up(&stream).await?.faults);
        self.set_up_at = Instant::now();
        let (place, sequence) = match stream.end().await? {
            End::New => (Position::BEGINNING, 0),
            End::Forgotten { sequence } => (due, sequence),
            End::At { sequence, last } => match last.look_up(self.outward.log().as_ref()).await? {
                Found::Event(event) => (event.position, sequence),
                Found::Nothing => return Err(RelayError::Diverged(last.position)),
                Found::Foreign => return Err(RelayError::Foreign(last.position)),
            },
        };
        let end = Tip::Found(sequence);
        if self.lacks(place, due).await? {
            if !lease.is_held() {
                return Err(lease.lost().into());
            }
            self.place = Place::new();
            self.desk.place(RELAY, place).await.map_err(FollowError::from)?;
            self.link = Some(Link { stream, end, place });
            return Err(RelayError::Behind(place));
        }
        Ok(Link { stream, end, place: place.max(due) })
    }

    /// Says what is wrong with the bus, once.
    fn warn_of(&mut self, faults: Vec<String>) {
        for fault in faults.iter().filter(|fault| !self.warned.contains(fault)) {
            tracing::warn!(fault, "the bus is not as it should be");
        }
        self.warned = faults;
    }

    /// Whether anything public stands between the end of the stream and where it should end.
    async fn lacks(&self, place: Position, due: Position) -> Result<bool, RelayError> {
        if place >= due {
            return Ok(false);
        }
        let found = self.outward.log().read_all(place, LOOK).await?;
        for event in &found {
            if event.position > due {
                return Ok(false);
            }
            if published(event)?.is_some() {
                return Ok(true);
            }
        }
        Ok(found.last().is_some_and(|last| last.position < due))
    }

    /// Looks whether the stream still ends where it was left.
    async fn look(&mut self, lease: &Lease) -> Result<(), RelayError> {
        let due = match self.taken {
            Some(taken) => taken,
            None => self.desk.checkpoint(RELAY).await.map_err(FollowError::from)?,
        };
        if let Some(link) = self.link.take()
            && link.is_as_it_was(self.outward.log().log_id()).await?
        {
            // What somebody took away beside the stream is made again.
            if self.set_up_at.elapsed() >= SET_UP {
                self.warn_of(set_up(&link.stream).await?.faults);
                self.set_up_at = Instant::now();
            }
            self.link = Some(link);
            return Ok(());
        }
        self.link = Some(self.align(due, lease).await?);
        Ok(())
    }

    fn tell(&mut self, outcome: Result<(), RelayError>) -> Result<(), FollowError> {
        if outcome.is_err() {
            // Where the log is followed from after that, the desk says.
            self.taken = None;
        }
        self.state.tell(match &outcome {
            Ok(()) | Err(RelayError::Behind(_)) => Ok(&()),
            Err(error) => Err(error),
        });
        outcome.map_err(|error| match error {
            RelayError::Follow(error) => error,
            error => FollowError::Stuck(error.into()),
        })
    }
}

#[async_trait]
impl Follower for Relay {
    fn role(&self) -> &str {
        RELAY
    }

    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let outcome = self.relay(batch, lease).await;
        self.tell(outcome)?;
        if let Some(last) = batch.last() {
            self.taken = Some(last.position);
            self.place.reach(last.position, lease);
        }
        if self.place.is_due() { self.place.write(&self.desk).await } else { Ok(()) }
    }

    async fn idle(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.place.write(&self.desk).await?;
        let outcome = self.look(lease).await;
        self.tell(outcome)
    }

    fn start_over(&mut self) {
        self.taken = None;
        self.place = Place::new();
    }
}

impl Link {
    async fn is_as_it_was(&self, log_id: &str) -> Result<bool, RelayError> {
        if self.stream.is_lost() {
            return Ok(false);
        }
        Ok(match (self.stream.end().await?, self.end) {
            (End::New, Tip::Found(known)) => known == 0,
            (End::Forgotten { sequence } | End::At { sequence, .. }, Tip::Found(known)) => sequence == known,
            (End::At { last, .. }, Tip::Published(id)) => {
                last.id == id && Position::from_text(log_id, &last.position).is_some()
            }
            (End::New | End::Forgotten { .. }, Tip::Published(_)) => false,
        })
    }

    /// Hands a message over, after the one before it.
    async fn send(&self, message: &Message) -> Result<Sent, RelayError> {
        let after = match self.end {
            Tip::Found(sequence) => After::Sequence(sequence),
            Tip::Published(id) => After::Id(id),
        };
        let acknowledged = self.stream.publish(message, Some(after)).await?;
        Ok(Sent { id: message.id, position: message.position, acknowledged })
    }

    /// Waits for the acknowledgement of a message.
    async fn settle(&mut self, sent: Sent) -> Result<(), RelayError> {
        let acknowledged = tokio::select! {
            acknowledged = sent.acknowledged.into_future() => acknowledged,
            () = self.stream.lost() => return Err(RelayError::Lost),
        };
        let acknowledged = acknowledged.map_err(|error| match error.kind() {
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::StreamNotFound => RelayError::Refused(error),
            _ => RelayError::Unacknowledged(error),
        })?;
        self.place = sent.position;
        // A double was not stored again, so that the stream ends where it did.
        if !acknowledged.duplicate && matches!(self.end, Tip::Found(_)) {
            self.end = Tip::Published(sent.id);
        }
        Ok(())
    }
}

/// Publishes those of a batch that the stream lacks, many before the first is acknowledged.
async fn publish(
    outward: &mut Outward,
    link: &mut Link,
    batch: &[Recorded],
    lease: &Lease,
) -> Result<(), RelayError> {
    let mut flight: VecDeque<Sent> = VecDeque::with_capacity(IN_FLIGHT);
    let held = link.place;
    for event in batch.iter().filter(|event| event.position > held) {
        let Some(message) = outward.message(event).await? else { continue };
        if !lease.is_held() {
            return Err(lease.lost().into());
        }
        if flight.len() >= IN_FLIGHT
            && let Some(first) = flight.pop_front()
        {
            link.settle(first).await?;
        }
        let sent = link.send(&message).await?;
        if matches!(link.end, Tip::Found(_)) {
            link.settle(sent).await?;
        } else {
            link.end = Tip::Published(sent.id);
            flight.push_back(sent);
        }
    }
    for sent in flight {
        link.settle(sent).await?;
    }
    let last = batch.last().map_or(held, |event| event.position);
    link.place = link.place.max(last);
    Ok(())
}
