//! What the read models promise: rows are the fold of the log, checkpoints stand or fall with them, and a caller reads his
//! own writes although the projector stands still. Here, too, the house that all these tests are set in.

mod history;
mod poison;
mod rebuild;
mod tidy;

use std::sync::Arc;

use domain::{
    Aggregate, KeyId, Private, ReservationId, Session, SessionId, Time, User, UserId,
    session::{self, Client, Issue, RevocationReason, Start},
    user::{Event, Names, PasswordHash, Registration, SocialAccount},
};
use store::{
    Change, Context, EventLog, Journal, MasterKey, Position, Recorded, StoreError, StreamId, Vault,
    follow::{Desk, FollowError, Follower, Lease, Tenure},
    log::SqliteLog,
    postgres::Safety,
    random,
    views::{Cell, Engine, Statement, Views},
};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    Projector, ReadModel, SessionRow, UserReader, UserRow,
    rows::load,
    sessions,
    shelf::Shelf,
    test_server::{OWNER, Postgres},
    users,
};

const ANN: UserId = UserId(7);
const BOB: UserId = UserId(8);

struct House {
    folder: TempDir,
    journal: Journal,
    desk: Desk,
}

async fn vault(folder: &TempDir) -> Arc<Vault> {
    let path = folder.path().join("vault.db");
    Arc::new(Vault::open_file(&path, MasterKey([1; 32].into())).await.unwrap())
}

/// Each of these tests on each engine under the read models.
macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::tests::House::on_sqlite).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
            async fn $test() {
                super::$test(&$crate::tests::House::on_postgres).await;
            })*
        }
    };
}
use on_every_engine;

on_every_engine! {
    a_user_reads_his_own_writes_although_the_projector_stands_still
    a_damaged_row_is_the_trouble_of_its_user_alone
    nobody_is_found_who_was_never_born
    rows_and_checkpoint_stand_or_fall_together
    a_projector_that_lost_its_lease_changes_no_row
    a_projector_at_work_follows_the_log
    users_are_listed_in_the_order_of_their_pks
    only_sessions_that_still_count_are_listed
}

const TENURE: Tenure = Tenure { length: std::time::Duration::from_mins(10), sole: true };

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

impl House {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let views = Views::open_file(&folder.path().join("views.db")).await.unwrap();
        Self::with(folder, views).await
    }

    async fn on_postgres() -> Self {
        let url = Postgres::shared().database().url(OWNER).parse().unwrap();
        let views = Views::open_url(&url, Safety::Required).await.unwrap();
        Self::with(tempfile::tempdir().unwrap(), views).await
    }

    async fn with(folder: TempDir, views: Views) -> Self {
        let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
        let desk = Desk::new(views, "node".to_owned(), TENURE);
        Self { journal: Journal::new(Arc::new(log), vault(&folder).await), folder, desk }
    }

    fn views(&self) -> &Views {
        self.desk.views()
    }

    async fn sql(&self, sql: &str) {
        self.texts(sql).await;
    }

    /// All that a statement answers, in texts.
    async fn texts(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.views().change(Statement::once(sql.to_owned(), &[])).await.unwrap();
        rows.into_iter().map(|row| row.map(|cell| shown(&cell)).collect()).collect()
    }

    fn log(&self) -> &dyn EventLog {
        self.journal.log().as_ref()
    }

    /// Appends events to a stream, whatever it holds.
    async fn append<A: Aggregate>(&self, stream: &StreamId, events: &[A::Event]) -> Position {
        let last = self.log().read_last(stream, 1).await.unwrap();
        let version = last.last().map_or(0, |recorded| recorded.version);
        let change = Change::of::<A>(stream.clone(), version, events).unwrap();
        let context = Context::of("test");
        self.journal.append(&context, vec![change]).await.unwrap()
    }

    async fn user(&self, pk: UserId, events: &[Event]) -> Position {
        self.append::<User>(&StreamId::user(pk), events).await
    }

    async fn lease<M: ReadModel>(&self) -> Lease {
        self.desk.lease(M::NAME).await.unwrap().unwrap()
    }

    fn projector<M: ReadModel>(&self) -> Projector<M> {
        Projector::new(self.journal.clone(), self.views().clone())
    }

    /// Takes all that a model has not taken yet, in batches of `page`.
    async fn project<M: ReadModel>(&self, page: u32) -> Result<(), FollowError> {
        let lease = self.lease::<M>().await;
        loop {
            let place = self.desk.checkpoint(M::NAME).await?;
            let batch = self.log().read_all(place, page).await.unwrap();
            if batch.is_empty() {
                return Ok(());
            }
            self.projector::<M>().take(&batch, &lease).await?;
        }
    }

    async fn row<M: ReadModel>(&self, key: impl ToString) -> Option<M> {
        let mut work = self.views().snapshot().await.unwrap();
        let found = load::<M>(&mut work, Shelf::Live, &[&key.to_string()]).await.unwrap();
        found.into_iter().next()
    }

    async fn everything(&self) -> Vec<Recorded> {
        self.log().read_all(Position::BEGINNING, 100_000).await.unwrap()
    }

    async fn current(&self, pk: UserId) -> Option<UserRow> {
        UserReader::new(self.journal.clone(), self.views().clone()).current(pk).await.unwrap()
    }
}

fn names(pk: UserId, username: &str) -> Private<Names> {
    let names = Names {
        username: username.to_owned(),
        first_name: format!("First {username}"),
        last_name: String::new(),
    };
    Private::new(KeyId::of_user(pk), names)
}

fn password(pk: UserId) -> Private<PasswordHash> {
    Private::new(KeyId::of_user(pk), PasswordHash("hash".to_owned()))
}

fn registered(pk: UserId, username: &str) -> Event {
    Event::UserRegistered(Registration {
        names: names(pk, username),
        email: Some(Private::new(KeyId::of_user(pk), format!("{username}@Example.org"))),
        password: Some(password(pk)),
        username_claim: ReservationId(random::id()),
        email_claim: Some(ReservationId(random::id())),
        email_verified: false,
        at: Time(1_000),
    })
}

fn renamed(pk: UserId, username: &str) -> Event {
    Event::ProfileUpdated { names: names(pk, username), username_claim: None, at: Time(2_000) }
}

fn started(id: SessionId, user: UserId, epoch: u32) -> session::Event {
    let client = Client { address: "192.0.2.1".to_owned(), agent: "curl".to_owned() };
    session::Event::SessionStarted(Start {
        user,
        epoch,
        at: Time(i64::try_from(id.0).unwrap()),
        until: Time(1_000_000),
        client: Private::new(KeyId::of_session(id), client),
        social: None,
    })
}

async fn a_user_reads_his_own_writes_although_the_projector_stands_still(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    assert_eq!(house.row::<UserRow>(ANN).await, None);
    assert_eq!(house.current(ANN).await.unwrap().username, "ann");

    house.project::<UserRow>(10).await.unwrap();
    let events = [renamed(ANN, "anna"), Event::EmailVerified { at: Time(3_000) }];
    let position = house.user(ANN, &events).await;
    assert_eq!(house.row::<UserRow>(ANN).await.unwrap().username, "ann");
    let current = house.current(ANN).await.unwrap();
    assert_eq!((current.username.as_str(), current.email_verified), ("anna", true));
    assert_eq!((current.version, current.position), (3, position));

    house.project::<UserRow>(10).await.unwrap();
    assert_eq!(house.row::<UserRow>(ANN).await, Some(current));
}

async fn a_damaged_row_is_the_trouble_of_its_user_alone(house: &impl AsyncFn() -> House) {
    let house = house().await;
    for (pk, name) in [(ANN, "ann"), (BOB, "bob")] {
        house.user(pk, &[registered(pk, name)]).await;
    }
    house.project::<UserRow>(10).await.unwrap();
    house.sql(&format!("update users set epoch = -1 where pk = {ANN}")).await;
    let reader = UserReader::new(house.journal.clone(), house.views().clone());
    // Asked at the same moment, both are read in one statement.
    let (ann, bob, nobody) =
        tokio::join!(reader.current(ANN), reader.current(BOB), reader.current(UserId(9)));
    assert!(matches!(ann, Err(StoreError::Unavailable(_))), "{ann:?}");
    assert_eq!(bob.unwrap().unwrap().username, "bob");
    assert_eq!(nobody.unwrap(), None);
}

async fn nobody_is_found_who_was_never_born(house: &impl AsyncFn() -> House) {
    let house = house().await;
    let abandoned = Event::RegistrationAbandoned { at: Time(1) };
    house.user(BOB, &[abandoned]).await;
    house.project::<UserRow>(10).await.unwrap();
    for pk in [ANN, BOB] {
        assert_eq!(house.current(pk).await, None);
        assert_eq!(house.row::<UserRow>(pk).await, None);
    }
}

async fn rows_and_checkpoint_stand_or_fall_together(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    let end = house.user(BOB, &[registered(BOB, "bob")]).await;
    let (refuse, allow) = match house.views().engine() {
        Engine::Sqlite => (
            "create trigger full before insert on users when new.pk = 8 begin select raise(abort, 'no room'); end",
            "drop trigger full",
        ),
        Engine::Postgres => (
            "alter table users add constraint no_room check (pk <> 8)",
            "alter table users drop constraint no_room",
        ),
    };
    house.sql(refuse).await;
    let outcome = house.project::<UserRow>(10).await;
    assert!(matches!(outcome, Err(FollowError::Views(_))), "{outcome:?}");
    assert_eq!(house.row::<UserRow>(ANN).await, None);
    assert_eq!(house.desk.checkpoint(UserRow::NAME).await.unwrap(), Position::BEGINNING);

    house.sql(allow).await;
    house.project::<UserRow>(10).await.unwrap();
    assert!(house.row::<UserRow>(ANN).await.is_some() && house.row::<UserRow>(BOB).await.is_some());
    assert_eq!(house.desk.checkpoint(UserRow::NAME).await.unwrap(), end);
}

async fn a_projector_that_lost_its_lease_changes_no_row(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "ann")]).await;
    let old = house.lease::<UserRow>().await;
    let other = Desk::new(house.views().clone(), "other".to_owned(), TENURE);
    other.lease(UserRow::NAME).await.unwrap().unwrap();
    let batch = house.everything().await;
    let outcome = house.projector::<UserRow>().take(&batch, &old).await;
    assert!(matches!(outcome, Err(FollowError::LeaseLost(_))));
    assert_eq!(house.row::<UserRow>(ANN).await, None);
}

async fn a_projector_at_work_follows_the_log(house: &impl AsyncFn() -> House) {
    let house = house().await;
    let (progress, mut reached) = watch::channel(Position::BEGINNING);
    let (stop, stopped) = watch::channel(false);
    let log = Arc::clone(house.journal.log());
    let task =
        store::follow::follow(house.projector::<UserRow>(), log, house.desk.clone(), progress, stopped);
    let task = tokio::spawn(task);
    for turn in 0..5 {
        let event = if turn == 0 { registered(ANN, "ann") } else { renamed(ANN, &format!("ann{turn}")) };
        let position = house.user(ANN, &[event]).await;
        let arrived = reached.wait_for(|reached| *reached >= position);
        let arrived = tokio::time::timeout(std::time::Duration::from_secs(20), arrived).await;
        drop(arrived.unwrap().unwrap());
        assert_eq!(house.row::<UserRow>(ANN).await.unwrap().version, turn + 1);
    }
    stop.send_replace(true);
    task.await.unwrap();
}

async fn users_are_listed_in_the_order_of_their_pks(house: &impl AsyncFn() -> House) {
    let house = house().await;
    house.user(ANN, &[registered(ANN, "Ann")]).await;
    house.user(BOB, &[registered(BOB, "7")]).await;
    house.project::<UserRow>(10).await.unwrap();
    for (after, found) in [(UserId(0), vec![ANN, BOB]), (ANN, vec![BOB]), (BOB, vec![])] {
        let rows = users::list(house.views(), after, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.pk).collect::<Vec<_>>(), found);
    }
}

async fn only_sessions_that_still_count_are_listed(house: &impl AsyncFn() -> House) {
    let house = house().await;
    let [kept, ended, revoked, later] = [1, 2, 3, 4].map(SessionId);
    let changed = Event::PasswordChanged { password: password(ANN), kept: Some(kept), at: Time(10) };
    house.user(ANN, &[registered(ANN, "ann"), changed]).await;
    for (id, epoch) in [(kept, 0), (ended, 0), (revoked, 1), (later, 1)] {
        house.append::<Session>(&StreamId::session(id), &[started(id, ANN, epoch)]).await;
    }
    let refreshed = session::Event::SessionRefreshed {
        counter: 1,
        issue: Issue { iat: Time(500), exp: Time(900), kid: "k".to_owned() },
    };
    house.append::<Session>(&StreamId::session(later), &[refreshed]).await;
    let revocation = session::Event::SessionRevoked { reason: RevocationReason::Logout, at: Time(600) };
    house.append::<Session>(&StreamId::session(revoked), &[revocation]).await;
    house.project::<SessionRow>(3).await.unwrap();

    let views = house.views();
    let ann = house.current(ANN).await.unwrap();
    let live = sessions::live(views, &ann, Time(700)).await.unwrap();
    assert_eq!(live.iter().map(|row| row.id).collect::<Vec<_>>(), [later, kept]);
    assert_eq!((live[0].refreshed_at, live[0].address.as_str()), (Time(500), "192.0.2.1"));
    assert_eq!(sessions::live(views, &ann, Time(1_000_000)).await.unwrap(), []);
    assert_eq!(sessions::revoked_since(views, Time(600)).await.unwrap(), [revoked]);
    assert_eq!(sessions::revoked_since(views, Time(601)).await.unwrap(), []);
}
