//! Events that can't be read, and keys that are not there: who waits, who goes on, and when all must stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use store::{NewEvent, StoreError, VaultError, Write, vault::Destroyed};
use tracing::{
    Event as Line, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, set_default},
};

use super::*;
use crate::parked;

on_every_engine! {
    an_event_that_cannot_be_read_parks_its_user_and_all_others_go_on
    what_a_parked_user_is_now_is_not_made_up
    a_parked_user_goes_on_with_all_that_he_missed_once_he_can_be_read
    a_parked_session_parks_no_user_and_stays_parked_in_a_replay
    streams_of_other_kinds_are_nothing_to_a_projection
    a_user_whose_key_was_destroyed_has_a_row_without_names
    a_vault_that_lacks_a_key_stops_the_projection_and_parks_no_one
}

/// Writes an event past the journal.
pub(super) async fn slip_in(
    house: &House,
    stream: &StreamId,
    kind: &str,
    data: &str,
    sealed: Option<&str>,
) -> Position {
    let last = house.log().read_last(stream, 1).await.unwrap();
    let event = NewEvent {
        id: random::id(),
        kind: kind.to_owned(),
        correlation: random::id(),
        causation: None,
        actor: "test".to_owned(),
        data: data.to_owned(),
        sealed: sealed.map(str::to_owned),
    };
    let write = Write {
        stream: stream.clone(),
        expected: last.last().map_or(0, |recorded| recorded.version),
        events: vec![event],
    };
    house.log().append(vec![write]).await.unwrap()
}

/// Counts the errors that are logged.
#[derive(Clone, Default)]
pub(super) struct Alarms(Arc<AtomicUsize>);

impl Alarms {
    /// Those of this thread, until the second of these is dropped.
    pub(super) fn heard_here() -> (Self, DefaultGuard) {
        let alarms = Self::default();
        (alarms.clone(), set_default(alarms))
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Alarms {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR && metadata.target().starts_with("projections")
    }

    fn event(&self, _: &Line<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

const POISON: [(&str, &str, Option<&str>); 5] = [
    ("user.enabled.v1", "{\"at\":", None),
    ("user.teleported.v1", "{\"at\":1}", None),
    ("user.enabled.v1", "{\"at\":\"noon\"}", None),
    ("user.enabled.v1", "{\"at\":1}", Some("{\"names\":{\"text\":\"AAAA\"}}")),
    ("user.enabled.v1", "[]", Some("{}")),
];

async fn an_event_that_cannot_be_read_parks_its_user_and_all_others_go_on(house: &impl AsyncFn() -> House) {
    for page in [1, 3, 1000] {
        let house = house().await;
        let mut parked_at = Vec::new();
        for (pk, (kind, data, sealed)) in (1..).map(UserId).zip(POISON) {
            house.user(pk, &[registered(pk, "before")]).await;
            let stream = StreamId::user(pk);
            parked_at.push(slip_in(&house, &stream, kind, data, sealed).await);
            house.user(pk, &[renamed(pk, "after")]).await;
        }
        house.user(BOB, &[registered(BOB, "bob"), renamed(BOB, "robert")]).await;
        house.project::<UserRow>(page).await.unwrap();
        house.user(UserId(1), &[renamed(UserId(1), "long after")]).await;
        let end = house.user(BOB, &[renamed(BOB, "bobby")]).await;
        house.project::<UserRow>(page).await.unwrap();

        assert_eq!(house.row::<UserRow>(BOB).await.unwrap().username, "bobby");
        assert_eq!(house.desk.checkpoint(UserRow::NAME).await.unwrap(), end);
        let parked = parked::all(house.views()).await.unwrap();
        assert_eq!(parked.len(), POISON.len());
        for ((pk, parked), position) in (1..).map(UserId).zip(parked).zip(parked_at) {
            let row = house.row::<UserRow>(pk).await.unwrap();
            assert_eq!((row.username.as_str(), row.version), ("before", 1));
            assert_eq!((parked.projection.as_str(), parked.stream), ("users", format!("user-{pk}")));
            assert_eq!((parked.version, parked.position), (2, i64::try_from(position.0).unwrap()));
            assert!(!parked.reason.is_empty());
        }
    }
}

async fn what_a_parked_user_is_now_is_not_made_up(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    slip_in(&house, &StreamId::user(ANN), "user.teleported.v1", "{}", None).await;
    house.project::<UserRow>(10).await.unwrap();
    let outcome = UserReader::new(house.journal.clone(), house.views().clone()).current(ANN).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt { version: 2, .. })), "{outcome:?}");
}

/// What a version that reads the event would see, written in its place.
async fn mend(house: &House, stream: &StreamId, version: i64) {
    const SQL: &str = "update events set type = 'user.email-verified.v1', data = '{\"at\":2500}' where stream = ? and version = ?";
    let file = house.folder.path().join("log.db");
    let log = store::sqlite::open(&file, store::sqlite::Role::Log, 1).await.unwrap();
    sqlx::query("drop trigger if exists events_are_never_changed").execute(&log).await.unwrap();
    let mended = sqlx::query(SQL).bind(stream.as_str()).bind(version).execute(&log).await.unwrap();
    assert_eq!(mended.rows_affected(), 1);
}

async fn a_parked_user_goes_on_with_all_that_he_missed_once_he_can_be_read(house: &impl AsyncFn() -> House) {
    let (house, stream) = (house().await, StreamId::user(ANN));
    house.user(ANN, &[registered(ANN, "ann")]).await;
    slip_in(&house, &stream, "user.teleported.v1", "{}", None).await;
    slip_in(&house, &stream, "user.teleported.v2", "{}", None).await;
    house.user(ANN, &[renamed(ANN, "missed")]).await;
    house.project::<UserRow>(10).await.unwrap();
    let later = house.user(ANN, &[renamed(ANN, "not yet seen by the projector")]).await;
    for version in [2, 3] {
        let parked = parked::all(house.views()).await.unwrap();
        assert_eq!(parked.iter().map(|one| one.version).collect::<Vec<_>>(), [version]);
        assert!(!crate::retry(&house.journal, house.views(), &parked[0]).await.unwrap());
        mend(&house, &stream, version).await;
        let goes_on = crate::retry(&house.journal, house.views(), &parked[0]).await.unwrap();
        assert_eq!(goes_on, version == 3);
    }
    assert_eq!(parked::all(house.views()).await.unwrap(), []);
    let row = house.row::<UserRow>(ANN).await.unwrap();
    assert_eq!((row.username.as_str(), row.email_verified, row.version), ("missed", true, 4));
    house.project::<UserRow>(10).await.unwrap();
    let row = house.row::<UserRow>(ANN).await.unwrap();
    assert_eq!((row.username.as_str(), row.position), ("not yet seen by the projector", later));
    assert!(house.rebuild().check().await.unwrap().is_same());
}

async fn a_parked_session_parks_no_user_and_stays_parked_in_a_replay(house: &impl AsyncFn() -> House) {
    let house = house().await;
    let (id, other) = (SessionId(1), SessionId(2));
    house.user(ANN, &[registered(ANN, "ann")]).await;
    for id in [id, other] {
        house.append::<Session>(&StreamId::session(id), &[started(id, ANN, 0)]).await;
    }
    slip_in(&house, &StreamId::session(id), "session.revoked.v1", "{}", None).await;
    for _ in 0..2 {
        house.project::<UserRow>(2).await.unwrap();
        house.project::<SessionRow>(2).await.unwrap();
        let parked = parked::all(house.views()).await.unwrap();
        let streams: Vec<&str> = parked.iter().map(|parked| parked.stream.as_str()).collect();
        assert_eq!(streams, ["session-0000000000000001"]);
        assert!(house.row::<UserRow>(ANN).await.is_some());
        assert_eq!(house.row::<SessionRow>(id).await.unwrap().revoked_at, None);
        assert!(house.row::<SessionRow>(other).await.is_some());
        house.desk.place(SessionRow::NAME, Position(1)).await.unwrap();
    }
}

async fn streams_of_other_kinds_are_nothing_to_a_projection(house: &impl AsyncFn() -> House) {
    let house = house().await;
    slip_in(&house, &StreamId::named("mail-1"), "mail.odd.v1", "no JSON", None).await;
    let end = slip_in(&house, &StreamId::named("userish-1"), "user.odd.v1", "no JSON", None).await;
    house.project::<UserRow>(10).await.unwrap();
    assert_eq!(parked::all(house.views()).await.unwrap(), []);
    assert_eq!(house.desk.checkpoint(UserRow::NAME).await.unwrap(), end);
}

async fn a_user_whose_key_was_destroyed_has_a_row_without_names(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann"), Event::EmailVerified { at: Time(2) }]).await;
    let key = KeyId::of_user(ANN);
    let vault = house.journal.vault();
    vault.destroy(&key, Destroyed::Erased).await.unwrap();
    house.project::<UserRow>(10).await.unwrap();
    let row = house.row::<UserRow>(ANN).await.unwrap();
    assert_eq!((row.username.as_str(), row.email, row.version), ("", None, 2));
    assert_eq!(parked::all(house.views()).await.unwrap(), []);
}

async fn a_vault_that_lacks_a_key_stops_the_projection_and_parks_no_one(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    let file = house.folder.path().join("vault.db");
    let rows = store::sqlite::open(&file, store::sqlite::Role::Vault, 1).await.unwrap();
    sqlx::query("delete from data_keys").execute(&rows).await.unwrap();
    let house =
        House { journal: Journal::new(Arc::clone(house.journal.log()), vault(&house.folder).await), ..house };
    let outcome = house.project::<UserRow>(10).await;
    let Err(FollowError::Stuck(cause)) = outcome else { panic!("{outcome:?}") };
    let Some(StoreError::Corrupt { source, .. }) = cause.downcast_ref::<StoreError>() else {
        panic!("{cause}")
    };
    assert!(matches!(source.downcast_ref::<VaultError>(), Some(VaultError::Missing(_))));
    assert_eq!(parked::all(house.views()).await.unwrap(), []);
    assert_eq!(house.desk.checkpoint(UserRow::NAME).await.unwrap(), Position::BEGINNING);
}
