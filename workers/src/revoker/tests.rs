//! Which events end sessions, whatever is sealed in them.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use domain::{
    KeyId, Private,
    session::{self, RevocationReason},
    user::{self, PasswordHash},
};
use serde_json::Value;
use store::{
    NewEvent, Position, StreamId, Write,
    log::{MemoryLog, OneByOne},
    random,
};
use uuid::Uuid;

use super::*;

#[derive(Default)]
struct Heard {
    told: Mutex<Vec<Revocation>>,
    /// So many times it can't take what it is told.
    failures: AtomicU32,
    up_to: watch::Sender<Option<Instant>>,
}

#[async_trait]
impl Revoked for Heard {
    async fn revoked(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.told.lock().unwrap().push(revocation);
        let fails =
            self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if fails.is_ok() { Err(StoreError::Unavailable("not today".into())) } else { Ok(()) }
    }

    fn hear(&self, up_to: Instant) {
        self.up_to.send_replace(Some(up_to));
    }
}

fn recorded(stream: StreamId, event: impl serde::Serialize) -> Recorded {
    let tagged = serde_json::to_value(event).unwrap();
    let kind = tagged.get("type").and_then(Value::as_str).unwrap().to_owned();
    let event = NewEvent {
        id: Uuid::nil(),
        kind,
        correlation: Uuid::nil(),
        causation: None,
        actor: String::new(),
        data: "not even JSON".to_owned(),
        sealed: Some("nor this".to_owned()),
    };
    Recorded { event, stream, version: 1, position: Position(1), recorded_at: Time(7) }
}

async fn heard_of(event: Recorded) -> Vec<Revocation> {
    let revoker = Revoker::new(Heard::default());
    revoker.take(&[event]).await.unwrap();
    revoker.listener.told.into_inner().unwrap()
}

fn password() -> Private<PasswordHash> {
    Private::new(KeyId("password-1-x".to_owned()), PasswordHash("hash".to_owned()))
}

#[tokio::test]
async fn whatever_raises_an_epoch_is_heard_of_even_if_it_cannot_be_unsealed() {
    let at = Time(1);
    for event in [
        user::Event::PasswordChanged { password: password(), kept: None, at },
        user::Event::PasswordReset { password: password(), at },
        user::Event::UserDisabled { at },
        user::Event::UserEnabled { at },
    ] {
        let told = heard_of(recorded(StreamId::user(UserId(5)), event)).await;
        assert_eq!(told, [Revocation::Epoch { user: UserId(5), at: Time(7) }]);
    }
}

#[tokio::test]
async fn the_end_of_a_session_is_heard_of() {
    let event = session::Event::SessionRevoked { reason: RevocationReason::Logout, at: Time(1) };
    let told = heard_of(recorded(StreamId::session(SessionId(9)), event)).await;
    assert_eq!(told, [Revocation::Session { session: SessionId(9), at: Time(7) }]);
}

#[tokio::test]
async fn what_ends_no_session_is_not_told() {
    for event in [
        user::Event::EmailVerified { at: Time(1) },
        user::Event::PasswordRehashed { password: password(), at: Time(1) },
        user::Event::EmailChanged { at: Time(1) },
    ] {
        assert_eq!(heard_of(recorded(StreamId::user(UserId(5)), event)).await, []);
    }
}

/// The end of so many sessions.
async fn log_of(sessions: u64) -> (Arc<OneByOne<MemoryLog>>, Position) {
    let log = Arc::new(OneByOne(MemoryLog::new()));
    let mut end = Position::BEGINNING;
    for session in 1..=sessions {
        end = log.append(vec![ended(session)]).await.unwrap();
    }
    (log, end)
}

fn ended(session: u64) -> Write {
    let event = session::Event::SessionRevoked { reason: RevocationReason::Logout, at: Time(1) };
    let stream = StreamId::session(SessionId(session));
    let event = NewEvent { id: random::id(), ..recorded(stream.clone(), event).event };
    Write { stream, expected: 0, events: vec![event] }
}

#[async_trait]
impl Revoked for Arc<Heard> {
    async fn revoked(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.as_ref().revoked(revocation).await
    }

    fn hear(&self, up_to: Instant) {
        self.as_ref().hear(up_to);
    }
}

/// What was told, in order, by the time that everything was heard of a log that two sessions ended in before and one ends in later.
async fn followed(heard: &Arc<Heard>, from: Position) -> Vec<u64> {
    let (log, _) = log_of(2).await;
    let ((place, mut reached), stop) = (watch::channel(from), watch::Sender::new(false));
    let revoker = Revoker::new(Arc::clone(heard));
    let following = tokio::spawn(revoker.follow(Arc::clone(&log) as _, place, stop.subscribe()));
    reached.wait_for(|place| *place == Position(2)).await.unwrap();
    let asked = Instant::now();
    log.append(vec![ended(3)]).await.unwrap();
    reached.wait_for(|place| *place == Position(3)).await.unwrap();
    heard.up_to.subscribe().wait_for(|up_to| up_to.is_some_and(|up_to| up_to > asked)).await.unwrap();
    stop.send_replace(true);
    following.await.unwrap();
    let session = |told: &Revocation| match told {
        Revocation::Session { session, .. } => session.0,
        Revocation::Epoch { .. } => 0,
    };
    heard.told.lock().unwrap().iter().map(session).collect()
}

#[tokio::test]
async fn everything_after_the_place_is_heard_of_and_what_comes_in_later() {
    let heard = Arc::new(Heard::default());
    assert_eq!(followed(&heard, Position(1)).await, [2, 3]);
}

#[tokio::test]
async fn what_could_not_be_told_is_told_again_with_all_of_its_batch() {
    let heard = Arc::new(Heard { failures: AtomicU32::new(1), ..Heard::default() });
    assert_eq!(followed(&heard, Position::BEGINNING).await, [1, 2, 1, 2, 3]);
}

#[tokio::test]
async fn nothing_is_said_to_be_heard_while_something_could_not_be_told() {
    let heard = Arc::new(Heard { failures: AtomicU32::new(1), ..Heard::default() });
    let (log, _) = log_of(1).await;
    let (place, _) = watch::channel(Position::BEGINNING);
    let revoker = Revoker::new(Arc::clone(&heard));
    assert!(revoker.catch_up(log.as_ref(), &place).await.is_err());
    assert!(heard.up_to.borrow().is_none());
    let before = Instant::now();
    revoker.catch_up(log.as_ref(), &place).await.unwrap();
    assert!(heard.up_to.borrow().is_some_and(|up_to| up_to >= before));
}

/// A log to which somebody writes again whenever it is read, and that is not there any more after so many reads.
struct Restless(OneByOne<MemoryLog>, AtomicU32);

#[async_trait]
impl EventLog for Restless {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        self.0.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.0.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(StoreError::Unavailable("it was read again and again".into()));
        }
        let batch = self.0.read_all(after, limit).await?;
        let head = self.0.head().await?;
        self.0.append(vec![ended(head.0 + 1)]).await?;
        Ok(batch)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.0.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.0.grown()
    }

    fn log_id(&self) -> &str {
        self.0.log_id()
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.0.next_in_sequence(name).await
    }
}

#[tokio::test]
async fn a_log_that_never_rests_is_heard_all_the_same() {
    let heard = Arc::new(Heard::default());
    let log = Restless(OneByOne(MemoryLog::new()), AtomicU32::new(3));
    log.append(vec![ended(1)]).await.unwrap();
    let (place, _) = watch::channel(Position::BEGINNING);
    let revoker = Revoker::new(Arc::clone(&heard));
    for end in 1..=3 {
        let asked = Instant::now();
        revoker.catch_up(&log, &place).await.unwrap();
        assert!(heard.up_to.borrow().is_some_and(|up_to| up_to >= asked));
        assert_eq!(*place.borrow(), Position(end));
    }
}
