//! What is swept on a log that appends to one stream at a time, and when: all that was left behind, a minute later, and nothing
//! that counts, whoever dies on the way and however slow a registration is.

mod meddled;

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Claim, KeyId, Private, ReservationId, SessionId, Time, User, UserId,
    claim::{Found, Plan, Seen, Terms, UNDER_WAY, Write},
    name::{NameKind, canonical},
    user::{Command, Names, PasswordHash, Proof, Registration, UpdateProfile},
};
use store::{
    Change, Context, MasterKey, StreamId, Vault, follow::Tenure, log::OneByOne, node_keys, random,
    views::Views,
};
use tempfile::TempDir;

use super::*;
use meddled::{Meddled, Meddling};

const ADA: UserId = UserId(7);
const EVE: UserId = UserId(8);
const START: Time = Time::from_seconds(1_000_000);
const PROOF: Proof = Proof { session: SessionId(1), epoch: 0 };

struct House {
    _folder: TempDir,
    log: Meddled,
    journal: Journal,
    macs: Arc<MacKeys>,
    sweeper: Sweeper,
}

fn private<T>(user: UserId, value: T) -> Private<T> {
    Private::new(KeyId::of_user(user), value)
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey([1; 32].into());
        let vault = Arc::new(Vault::open_file(&folder.path().join("vault.db"), master).await.unwrap());
        node_keys::complete(&vault).await.unwrap();
        let macs = Arc::new(MacKeys::from(&vault.node_keys().await.unwrap()).unwrap());
        let log = Meddled::default();
        log.meddle_by(Journal::new(Arc::new(OneByOne(log.log.clone())), Arc::clone(&vault)));
        let journal = Journal::new(Arc::new(OneByOne(log.clone())), vault);
        let views = Views::open_file(&folder.path().join("views.db")).await.unwrap();
        let desk = Desk::new(views, "a".to_owned(), Tenure { length: UNDER_WAY, sole: true });
        let sweeper = Sweeper::new(journal.clone(), Arc::clone(&macs), desk);
        Self { _folder: folder, log, journal, macs, sweeper }
    }

    fn claim(&self, kind: NameKind, name: &str) -> StreamId {
        self.macs.claim_stream(kind, &canonical(kind, name))
    }

    /// Plans to take a name for whomever the plan is of.
    async fn take(
        &self,
        plan: &mut Plan<StreamId>,
        (kind, name): (NameKind, &str),
        at: Time,
    ) -> ReservationId {
        let stream = self.claim(kind, name);
        let claim = self.journal.load::<Claim>(&stream).await.unwrap();
        let holder = match claim.state {
            Claim::Held(held) => {
                let holder = self.journal.load::<User>(&StreamId::user(held.holder)).await.unwrap();
                Some(Seen::from(holder))
            }
            Claim::Free => None,
        };
        let reservation = ReservationId(random::id());
        let found = Found { name: stream, claim: claim.into(), holder };
        plan.take(found, reservation, Terms { at, verify_ttl: Duration::MAX }).unwrap();
        reservation
    }

    /// What a registration plans: to claim a username and an address, and to be born.
    async fn registration(&self, user: UserId, name: &str, at: Time) -> Plan<StreamId> {
        let (mut plan, email) = (Plan::of(user, Seen::default()), format!("{name}@example.org"));
        let username_claim = self.take(&mut plan, (NameKind::Username, name), at).await;
        let email_claim = self.take(&mut plan, (NameKind::Email, &email), at).await;
        let registration = Registration {
            names: private(user, Names { username: name.to_owned(), ..Names::default() }),
            email: Some(private(user, email)),
            password: Some(private(user, PasswordHash("none".to_owned()))),
            username_claim,
            email_claim: Some(email_claim),
            email_verified: false,
            at,
        };
        plan.commit(Command::Register(Box::new(registration))).unwrap();
        plan
    }

    async fn write(&self, writes: &[Write<StreamId>]) -> Result<Position, StoreError> {
        let changes = writes.iter().map(|write| Change::try_from(write).unwrap()).collect();
        self.journal.append(&Context::of("test"), changes).await
    }

    /// Claims the names and dies before he is born; answers the event that he did not come to write.
    async fn leave_half_done(&self, user: UserId, name: &str) -> Write<StreamId> {
        let plan = self.registration(user, name, START).await;
        let (born, claims) = plan.writes().split_last().unwrap();
        self.write(claims).await.unwrap();
        born.clone()
    }

    async fn register(&self, user: UserId, name: &str) {
        let plan = self.registration(user, name, START).await;
        self.write(plan.writes()).await.unwrap();
    }

    /// What a change of username plans.
    async fn rename(&self, user: UserId, to: &str) -> Plan<StreamId> {
        let loaded = self.journal.load::<User>(&StreamId::user(user)).await.unwrap();
        let account = loaded.state.account().unwrap().clone();
        let old = self.claim(NameKind::Username, &account.names.get().unwrap().username);
        let mut plan = Plan::of(user, loaded.into());
        let claim = Some(self.take(&mut plan, (NameKind::Username, to), START).await);
        let names = private(user, Names { username: to.to_owned(), ..Names::default() });
        let seen = self.journal.load::<Claim>(&old).await.unwrap();
        plan.release(old, seen.into(), account.username_claim);
        plan.commit(Command::UpdateProfile(UpdateProfile { proof: PROOF, names, claim, at: START })).unwrap();
        plan
    }

    /// Reads what is new in the log.
    async fn follow(&mut self) {
        let batch = self.journal.log().read_all(self.sweeper.taken, 1000).await.unwrap();
        for event in &batch {
            self.sweeper.suspects.note(event).await.unwrap();
            self.sweeper.taken = event.position;
        }
    }

    /// A process comes that has heard of nothing, reads the log, and sweeps.
    async fn sweep_anew(&mut self, at: Time) -> Result<(), StoreError> {
        self.sweeper.start_over();
        self.follow().await;
        self.sweeper.suspects.free_due(at).await
    }

    async fn holds(&self, kind: NameKind, name: &str) -> bool {
        self.journal.load::<Claim>(&self.claim(kind, name)).await.unwrap().state != Claim::Free
    }

    async fn holds_both(&self, name: &str) -> [bool; 2] {
        let email = format!("{name}@example.org");
        [self.holds(NameKind::Username, name).await, self.holds(NameKind::Email, &email).await]
    }

    async fn user(&self, user: UserId) -> (User, u64) {
        let loaded = self.journal.load::<User>(&StreamId::user(user)).await.unwrap();
        (loaded.state, loaded.version)
    }

    /// There is either a user who holds both his names, or none, and nobody holds them. Answers whether there is.
    async fn has_one_truth(&self, user: UserId, name: &str) -> bool {
        let (state, _) = self.user(user).await;
        let is_born = state.account().is_some();
        assert_eq!(self.holds_both(name).await, [is_born; 2], "{state:?}");
        is_born
    }
}

fn almost() -> Time {
    START + (UNDER_WAY.saturating_sub(Duration::from_micros(1)))
}

fn later() -> Time {
    START + UNDER_WAY
}

#[tokio::test]
async fn what_was_left_half_done_is_freed_after_a_minute_and_not_before() {
    let mut house = House::new().await;
    house.leave_half_done(ADA, "ada").await;
    house.follow().await;
    house.sweeper.suspects.free_due(almost()).await.unwrap();
    assert_eq!(house.holds_both("ada").await, [true; 2]);
    house.sweeper.suspects.free_due(later()).await.unwrap();
    assert_eq!(house.holds_both("ada").await, [false; 2]);
    assert_eq!(house.user(ADA).await, (User::Abandoned, 1));
    house.register(EVE, "ada").await;
}

#[tokio::test]
async fn a_claim_that_counts_stays_however_old_it_is() {
    let mut house = House::new().await;
    house.register(ADA, "ada").await;
    house.follow().await;
    assert_eq!(house.sweeper.suspects.oldest(), None);
    house.sweep_anew(START + Duration::from_hours(24_000)).await.unwrap();
    assert!(house.has_one_truth(ADA, "ada").await);
    assert_eq!(house.user(ADA).await.1, 1);
}

#[tokio::test]
async fn the_place_stays_before_a_claim_until_it_is_known_what_becomes_of_it() {
    let mut house = House::new().await;
    house.register(EVE, "eve").await;
    let born = house.leave_half_done(ADA, "ada").await;
    house.follow().await;
    let head = house.journal.log().head().await.unwrap();
    assert_eq!((head, house.sweeper.done(head)), (Position(5), Position(3)));
    house.sweeper.suspects.free_due(almost()).await.unwrap();
    assert_eq!(house.sweeper.done(head), Position(3));
    let head = house.write(&[born]).await.unwrap();
    house.follow().await;
    assert_eq!(house.sweeper.done(head), head);
}

#[tokio::test]
async fn a_name_that_its_holder_gave_up_is_freed_where_he_died_before_he_released_it() {
    let mut house = House::new().await;
    house.register(EVE, "eve").await;
    let plan = house.rename(EVE, "ann").await;
    house.write(plan.writes()).await.unwrap();
    let long_after = clock::now() + UNDER_WAY;
    house.sweep_anew(later()).await.unwrap();
    assert!(house.holds(NameKind::Username, "eve").await, "he may be about to release it");
    house.sweep_anew(long_after + UNDER_WAY).await.unwrap();
    assert!(!house.holds(NameKind::Username, "eve").await);
    assert!(house.holds(NameKind::Username, "ann").await);
    assert!(house.holds(NameKind::Email, "eve@example.org").await);
}

#[tokio::test]
async fn nothing_is_suspect_once_an_order_has_released_what_it_gave_up() {
    let mut house = House::new().await;
    house.register(EVE, "eve").await;
    let plan = house.rename(EVE, "ann").await;
    house.write(plan.writes()).await.unwrap();
    house.follow().await;
    assert!(house.sweeper.suspects.oldest().is_some());
    house.write(plan.afterwards()).await.unwrap();
    house.follow().await;
    assert_eq!(house.sweeper.suspects.oldest(), None);
}

#[tokio::test]
async fn whoever_comes_after_a_sweeper_that_died_at_any_append_goes_on_where_he_stood() {
    let mut appends = 0;
    for number in 0.. {
        let mut met = false;
        for dies in [|| Meddling::Dies, || Meddling::DiesAfter] {
            let mut house = House::new().await;
            house.leave_half_done(ADA, "ada").await;
            house.log.meddle_after(number, dies());
            let swept = house.sweep_anew(later()).await;
            met = house.log.leave_alone();
            assert_eq!(swept.is_err(), met, "append {number}");
            house.sweep_anew(later()).await.unwrap();
            assert!(!house.has_one_truth(ADA, "ada").await);
            assert_eq!(house.user(ADA).await, (User::Abandoned, 1), "fenced once, append {number}");
        }
        if !met {
            break;
        }
        appends += 1;
    }
    assert_eq!(appends, 3, "a fence and two releases");
}

#[tokio::test]
async fn a_registration_that_is_slow_is_either_carried_out_or_in_conflict() {
    let mut outcomes = BTreeSet::new();
    for number in 0..4 {
        let mut house = House::new().await;
        let born = house.leave_half_done(ADA, "ada").await;
        house.log.meddle_after(number, Meddling::IsBeaten(Change::try_from(&born).unwrap()));
        house.sweep_anew(later()).await.unwrap();
        let beaten = house.log.leave_alone();
        if !beaten {
            assert!(matches!(house.write(&[born]).await, Err(StoreError::Conflict { .. })));
        }
        house.follow().await;
        house.sweeper.suspects.free_due(later()).await.unwrap();
        outcomes.insert((number, house.has_one_truth(ADA, "ada").await));
    }
    let wanted = [(0, true), (1, false), (2, false), (3, false)];
    assert_eq!(outcomes, BTreeSet::from(wanted), "it is born if it comes before the fence");
}
