//! Events as a durable consumer on NATS hands them out: each is looked up in the log, dealt with, and acknowledged then. The log is
//! followed beside it, but only to know how far all is done.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};

use async_nats::{
    Client, Subject,
    jetstream::{
        AckKind,
        consumer::{Consumer as Handle, SequenceInfo, StreamError, pull},
        context::ConsumerInfoError,
    },
};
use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, future::try_join_all, stream};
use lru::LruCache;
use store::{
    EventLog, Position, Recorded,
    follow::{Desk, FollowError, Follower, Lease},
};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::{
    Consumer,
    hands::{Hands, MOST_OPEN},
    in_process::LAST_STEPS,
    message::{LookError, Messages, Notice, Noticed, look_up},
    progress::Progress,
};
use crate::{
    bus::{BusError, BusState, Durable, EventStream, Found, SIGN, STREAM},
    nats::Access,
    place::Place,
};

/// How many messages are asked for in advance.
const ASKED: usize = 200;
/// For how long they are asked for, and how often the server says meanwhile that there are none.
const ASKED_FOR: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the log is left alone: each read of it keeps from their next events those who are done with one.
const PACE: Duration = Duration::from_millis(100);
/// How many places of messages are remembered.
const SEEN: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// A consumer that gets its events through NATS.
pub struct Subscribed<C> {
    durable: Durable,
    access: Access,
    log: Arc<dyn EventLog>,
    desk: Desk,
    hands: Hands<C>,
    link: Option<Link>,
    /// Where to answer the messages of events that are open; nowhere, if they came over a connection that is lost.
    held: HashMap<Position, Option<Subject>>,
    /// Answers that are not given yet.
    answers: Vec<(Subject, AckKind)>,
    sign: Interval,
    progress: Progress,
    place: Place,
    state: BusState,
}

/// A connection over which messages come.
struct Link {
    events: EventStream,
    handle: Handle<pull::Config>,
    messages: Messages,
    /// Where the events of messages stand that were asked about last, by the numbers of the messages.
    seen: LruCache<u64, Position>,
    log: Arc<dyn EventLog>,
}

/// Why no events come, now or until somebody sees to it.
#[derive(Debug, thiserror::Error)]
enum SubscribedError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the consumer {name} hands out nothing")]
    Silent {
        name: &'static str,
        #[source]
        source: StreamError,
    },
    #[error("the consumer {name} does not say how it is")]
    Unknown {
        name: &'static str,
        #[source]
        source: ConsumerInfoError,
    },
    #[error(transparent)]
    Look(#[from] LookError),
    #[error("an acknowledgement was not taken")]
    Unanswered(#[from] async_nats::RequestError),
    #[error("an acknowledgement or a sign of life could not be sent")]
    Unsigned(#[from] async_nats::PublishError),
    #[error("the connection to NATS was lost")]
    Lost,
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl<C: Consumer + 'static> Subscribed<C> {
    /// Deals with the events of `durable`, under the lease of its role; `at_once`: as in [`InProcess`](super::InProcess::new).
    pub fn new(
        durable: Durable,
        access: Access,
        (log, desk): (Arc<dyn EventLog>, Desk),
        consumer: C,
        at_once: usize,
    ) -> Self {
        let mut sign = interval(SIGN);
        sign.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            durable,
            access,
            log,
            desk,
            hands: Hands::new(consumer, at_once),
            link: None,
            held: HashMap::new(),
            answers: Vec::new(),
            sign,
            progress: Progress::new(),
            place: Place::new(),
            state: BusState::new(),
        }
    }

    /// How the bus does.
    pub fn state(&self) -> BusState {
        self.state.clone()
    }

    /// Connects where it is not connected.
    async fn connect(&mut self) -> Result<&mut Link, SubscribedError> {
        let link = if let Some(link) = self.link.take().filter(|link| !link.events.is_lost()) {
            link
        } else {
            self.let_go();
            Link::open(&self.access, self.durable, &self.log).await?
        };
        Ok(self.link.insert(link))
    }

    /// Forgets a connection. What is under way goes on; its messages come again over the next one, answered or not.
    fn let_go(&mut self) {
        self.link = None;
        self.answers.clear();
        self.held.values_mut().for_each(|reply| *reply = None);
    }

    /// Goes on until more is done, or until there is something to do that must not be broken off.
    async fn work(&mut self, lease: &Lease) -> Result<(), SubscribedError> {
        loop {
            self.hands.begin(lease)?;
            let Some(link) = &mut self.link else { return Ok(()) };
            tokio::select! {
                done = self.hands.go_on() => if !done.is_empty() {
                    self.acknowledge(&done);
                    // Before the answers, for which it waits.
                    return Ok(self.hands.begin(lease)?);
                },
                found = link.messages.next(), if self.hands.open() < MOST_OPEN => {
                    let found = found.ok_or(SubscribedError::Lost)??;
                    self.take_in(found);
                }
                _ = self.sign.tick() => self.give_signs().await?,
                () = link.events.lost() => return Err(SubscribedError::Lost),
            }
        }
    }

    /// Takes in what came and was not looked at yet, where the log does not let it come to that otherwise.
    fn take_what_is_there(&mut self) -> Result<(), FollowError> {
        while self.hands.open() < MOST_OPEN {
            let Some(link) = &mut self.link else { break };
            match link.messages.next().now_or_never() {
                Some(Some(Ok(found))) => self.take_in(found),
                Some(Some(Err(error))) => return self.tell(Err(error.into())),
                Some(None) => return self.tell(Err(SubscribedError::Lost)),
                None => break,
            }
        }
        Ok(())
    }

    /// Takes a message in. One that is held already came once more, as no sign of life arrived.
    fn take_in(&mut self, Noticed { reply, notice }: Noticed) {
        match notice {
            Notice::Event(event) if !self.hands.concerns(&event) => {
                self.answers.push((reply, AckKind::Ack));
            }
            Notice::Event(event) => {
                if self.held.insert(event.position, Some(reply)).is_none() {
                    self.hands.add(&event);
                }
            }
            Notice::Nothing(why) => {
                tracing::warn!(role = self.durable.role, why, "a message is passed over");
                self.answers.push((reply, AckKind::Term));
            }
        }
    }

    fn acknowledge(&mut self, done: &[Position]) {
        let replies = done.iter().filter_map(|position| self.held.remove(position).flatten());
        self.answers.extend(replies.map(|reply| (reply, AckKind::Ack)));
    }

    /// Gives the answers that are owed. Where nothing more is to be done it waits until the server has them, so that it knows then
    /// what is done; one that is lost has its message come again.
    async fn answer(&mut self) -> Result<(), SubscribedError> {
        if self.answers.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        if self.hands.open() > 0 {
            for (reply, kind) in self.answers.drain(..) {
                client.publish(reply, kind.into()).await?;
            }
            return Ok(());
        }
        let given = self.answers.iter().map(|(reply, kind)| client.request(reply.clone(), (*kind).into()));
        try_join_all(given).await?;
        self.answers.clear();
        Ok(())
    }

    /// Says of all that is held that it is still dealt with.
    async fn give_signs(&mut self) -> Result<(), SubscribedError> {
        let client = self.client()?;
        for reply in self.held.values().flatten() {
            client.publish(reply.clone(), AckKind::Progress.into()).await?;
        }
        Ok(())
    }

    fn client(&self) -> Result<Client, SubscribedError> {
        let link = self.link.as_ref().ok_or(SubscribedError::Lost)?;
        Ok(link.events.connection.client.clone())
    }

    /// Finds out how far all is done, from what the server was told.
    async fn settle(&mut self) -> Result<(), SubscribedError> {
        let Some(owed) = self.progress.owed else { return Ok(()) };
        let name = self.durable.name;
        let link = self.connect().await?;
        let info = link.handle.get_info().await;
        let info = info.map_err(|source| SubscribedError::Unknown { name, source })?;
        let all = info.num_pending == 0 && info.num_ack_pending == 0;
        if all && link.position_of(info.delivered).await? >= Some(owed) {
            self.progress.owed = None;
            return Ok(());
        }
        if let Some(place) = link.position_of(info.ack_floor).await? {
            self.progress.settled = self.progress.settled.max(place);
        }
        Ok(())
    }

    fn tell(&mut self, outcome: Result<(), SubscribedError>) -> Result<(), FollowError> {
        // What the log or the lease does is not the bus's.
        if !matches!(outcome, Err(SubscribedError::Follow(_) | SubscribedError::Look(LookError::Log(_)))) {
            self.state.tell(outcome.as_ref());
        }
        outcome.map_err(|error| {
            self.let_go();
            match error {
                SubscribedError::Follow(error) => error,
                error => FollowError::Stuck(error.into()),
            }
        })
    }

    /// Gives the answers that are owed, and writes down how far all is done.
    async fn keep_up(&mut self, lease: &Lease) -> Result<(), FollowError> {
        let due = self.hands.open() == 0 || self.place.is_due();
        let settled = async {
            self.connect().await?;
            self.answer().await?;
            if self.sign.tick().now_or_never().is_some() {
                self.give_signs().await?;
            }
            if due { self.settle().await } else { Ok(()) }
        };
        let settled = settled.await;
        self.tell(settled)?;
        self.place.reach(self.done(self.progress.taken), lease);
        if self.progress.owed.is_none() || self.place.is_due() {
            self.place.write(&self.desk).await
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl<C: Consumer + 'static> Follower for Subscribed<C> {
    fn role(&self) -> &str {
        self.durable.role
    }

    /// Notes what is owed by now; what is to be done about it comes through NATS.
    async fn take(&mut self, batch: &[Recorded], lease: &Lease) -> Result<(), FollowError> {
        let Progress { taken, .. } = self.progress;
        for event in batch.iter().filter(|event| event.position > taken) {
            self.progress.take(event.position, self.hands.concerns(event));
        }
        let done = self.hands.ended();
        self.acknowledge(&done);
        self.take_what_is_there()?;
        self.hands.begin(lease)?;
        if self.place.is_due() { self.keep_up(lease).await } else { Ok(()) }
    }

    async fn idle(&mut self, lease: &Lease) -> Result<(), FollowError> {
        self.keep_up(lease).await
    }

    fn pace(&self) -> Duration {
        PACE
    }

    async fn go_on(&mut self, lease: &Lease) -> Result<(), FollowError> {
        let outcome = self.work(lease).await;
        self.tell(outcome)
    }

    fn done(&self, taken: Position) -> Position {
        self.progress.done(taken)
    }

    async fn wind_up(&mut self, lease: &Lease) -> Result<(), FollowError> {
        let ending = async {
            while !self.hands.are_free() {
                let done = self.hands.finish().await;
                self.acknowledge(&done);
            }
        };
        if timeout(LAST_STEPS, ending).await.is_err() {
            tracing::warn!(
                role = self.durable.role,
                "what takes too long is cut off, and done again by the next one"
            );
        }
        // Nobody here takes any more: what is given back goes to the next one.
        if let Some(link) = &mut self.link {
            link.messages = Box::pin(stream::empty());
        }
        let back = self.held.drain().filter_map(|(_, reply)| Some((reply?, AckKind::Nak(None))));
        self.answers.extend(back);
        let settled = async {
            self.answer().await?;
            self.settle().await
        };
        let settled = settled.await;
        let told = self.tell(settled);
        self.place.reach(self.done(self.progress.taken), lease);
        self.place.write(&self.desk).await?;
        told
    }

    fn start_over(&mut self) {
        self.hands.drop_all();
        self.held.clear();
        self.answers.clear();
        self.link = None;
        self.progress = Progress::new();
        self.place = Place::new();
    }
}

impl Link {
    async fn open(
        access: &Access,
        durable: Durable,
        log: &Arc<dyn EventLog>,
    ) -> Result<Self, SubscribedError> {
        let Some(events) = EventStream::look(access, durable.role).await? else {
            return Err(BusError::Missing(STREAM).into());
        };
        let handle = durable.open(&events).await?;
        let asked = handle.stream().max_messages_per_batch(ASKED).expires(ASKED_FOR).heartbeat(HEARTBEAT);
        let messages = asked.messages().await;
        let messages = messages.map_err(|source| SubscribedError::Silent { name: durable.name, source })?;
        let messages = look_up(messages, Arc::clone(log));
        Ok(Self { events, handle, messages, seen: LruCache::new(SEEN), log: Arc::clone(log) })
    }

    /// Where the event of a message stands in the log; none if it does not.
    async fn position_of(&mut self, message: SequenceInfo) -> Result<Option<Position>, SubscribedError> {
        let number = message.stream_sequence;
        if number == 0 {
            return Ok(None);
        }
        if let Some(known) = self.seen.get(&number) {
            return Ok(Some(*known));
        }
        let Some(mark) = self.events.mark(number).await? else { return Ok(None) };
        let found = mark.look_up(self.log.as_ref()).await.map_err(LookError::from)?;
        let Found::Event(event) = found else { return Ok(None) };
        self.seen.put(number, event.position);
        Ok(Some(event.position))
    }
}
