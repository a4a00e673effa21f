//! Which keys are destroyed: those that nothing in the log uses, and no others.

use std::sync::Arc;

use domain::{
    Private, ReservationId, SessionId,
    session::{self, Client, Start},
    user::{Event, Names, PasswordHash, Registration},
};
use store::{Change, Context, MasterKey, NewEvent, Vault, Write, log::SqliteLog, random};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;

const ADA: UserId = UserId(7);

struct House {
    collector: Collector,
    journal: Journal,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey(Zeroizing::new([1; 32]));
        let vault = Vault::open_file(&folder.path().join("vault.db"), master).await.unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
        let journal = Journal::new(Arc::new(log), Arc::new(vault));
        let collector = Collector { journal: journal.clone(), age: Duration::ZERO };
        Self { collector, journal, _folder: folder }
    }

    async fn record(&self, expected: u64, event: Event) {
        let change = Change::of::<User>(StreamId::user(ADA), expected, &[event]).unwrap();
        self.journal.append(&Context::of("test"), vec![change]).await.unwrap();
    }

    /// Makes the keys of an event that is then never recorded, because its stream is not where it was expected.
    async fn lose(&self, stream: StreamId, event: Event) {
        let change = Change::of::<User>(stream, 99, &[event]).unwrap();
        self.journal.append(&Context::of("test"), vec![change]).await.unwrap_err();
    }

    async fn living(&self, prefix: &str) -> Vec<String> {
        let all = Time(0)..Time(i64::MAX);
        let keys = self.journal.vault().aged_keys(prefix, all, &KeyId(String::new())).await.unwrap();
        keys.into_iter().map(|key| key.0).collect()
    }
}

fn hash(name: u128) -> Private<PasswordHash> {
    Private::new(KeyId::of_password(ADA, Uuid::from_u128(name)), PasswordHash("$argon2id$".to_owned()))
}

fn key_of(name: u128) -> String {
    KeyId::of_password(ADA, Uuid::from_u128(name)).0
}

fn registered(pk: UserId) -> Event {
    Event::UserRegistered(Registration {
        names: Private::new(KeyId::of_user(pk), Names::default()),
        email: Some(Private::new(KeyId::of_user(pk), "ada@example.org".to_owned())),
        password: Some(hash(1)),
        username_claim: ReservationId(Uuid::from_u128(1)),
        email_claim: Some(ReservationId(Uuid::from_u128(2))),
        email_verified: false,
        at: Time(1),
    })
}

#[tokio::test]
async fn the_key_of_a_hash_that_was_replaced_is_destroyed_and_that_of_the_newest_stays() {
    let house = House::new().await;
    house.record(0, registered(ADA)).await;
    house.record(1, Event::PasswordReset { password: hash(2), at: Time(2) }).await;
    assert_eq!(house.living("password-").await, [key_of(1), key_of(2)]);
    assert_eq!(house.collector.collect(Reach::All).await.unwrap(), 1);
    assert_eq!(house.living("password-").await, [key_of(2)]);
    assert_eq!(house.collector.collect(Reach::All).await.unwrap(), 0);
}

#[tokio::test]
async fn the_keys_of_what_was_never_recorded_are_destroyed() {
    let house = House::new().await;
    house.record(0, registered(ADA)).await;
    house.lose(StreamId::user(ADA), Event::PasswordReset { password: hash(3), at: Time(2) }).await;
    house.lose(StreamId::user(UserId(8)), registered(UserId(8))).await;
    assert_eq!(house.collector.collect(Reach::Recent).await.unwrap(), 2);
    assert_eq!(house.living("password-").await, [key_of(1)]);
    assert_eq!(house.living("user-").await, ["user-7"]);
}

#[tokio::test]
async fn the_key_of_a_session_stays_for_as_long_as_its_stream_is_there() {
    let house = House::new().await;
    let start = |id: SessionId| {
        let client = Client { address: "127.0.0.1".to_owned(), agent: "test".to_owned() };
        let client = Private::new(KeyId::of_session(id), client);
        session::Event::SessionStarted(Start {
            user: ADA,
            epoch: 0,
            at: Time(1),
            until: Time(9),
            client,
            social: None,
        })
    };
    for (id, expected) in [(SessionId(1), 0), (SessionId(2), 99)] {
        let change = Change::of::<Session>(StreamId::session(id), expected, &[start(id)]).unwrap();
        let appended = house.journal.append(&Context::of("test"), vec![change]).await;
        assert_eq!(appended.is_ok(), expected == 0);
    }
    assert_eq!(house.collector.collect(Reach::Recent).await.unwrap(), 1);
    assert_eq!(house.living("session-").await, [KeyId::of_session(SessionId(1)).0]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_keeps_its_keys_and_holds_up_no_other() {
    let house = House::new().await;
    house.lose(StreamId::user(UserId(6)), registered(UserId(6))).await;
    house.lose(StreamId::user(UserId(8)), registered(UserId(8))).await;
    let event = NewEvent {
        id: random::id(),
        kind: "user.registered.v1".to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: "{}".to_owned(),
        sealed: None,
    };
    let write = Write { stream: StreamId::user(UserId(6)), expected: 0, events: vec![event] };
    house.journal.log().append(vec![write]).await.unwrap();
    house.collector.collect(Reach::Recent).await.unwrap();
    assert_eq!(house.living("user-").await, ["user-6"]);
}

#[tokio::test]
async fn a_key_that_may_still_be_about_to_be_used_is_left_alone() {
    let house = House::new().await;
    house.lose(StreamId::user(UserId(8)), registered(UserId(8))).await;
    let patient = Collector::new(house.journal.clone());
    assert_eq!(patient.collect(Reach::All).await.unwrap(), 0);
    assert_eq!(house.living("user-").await, ["user-8"]);
}
