//! Random histories, sensible or not: whatever the log holds, a row says what the fold of its stream says, however the
//! log was cut into batches, and again when it is replayed.

use domain::user::Account;

use super::*;

on_every_engine! {
    a_row_says_what_the_fold_of_its_stream_says
    what_a_user_reads_before_the_projector_came_is_the_fold_too
    a_replay_from_an_older_checkpoint_changes_nothing_at_any_time
    rows_made_anew_are_the_rows_that_were
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn time(&mut self) -> Time {
        Time(i64::try_from(self.below(1_000_000)).unwrap())
    }

    /// One of so few that events meet what others named.
    fn reservation(&mut self) -> ReservationId {
        format!("00000000-0000-0000-0000-00000000000{}", self.below(4)).parse().unwrap()
    }

    fn link(&mut self) -> u32 {
        u32::try_from(self.below(4)).unwrap()
    }

    fn user_event(&mut self, pk: UserId) -> Event {
        let at = self.time();
        match self.below(17) {
            // Nobody is born whose registration was fenced off: no command leads to such a history.
            0..=3 if pk.0 % 5 == 0 => Event::RegistrationAbandoned { at },
            0..=2 => Event::UserRegistered(Registration {
                names: names(pk, &format!("user{}", self.below(100))),
                email: Some(Private::new(KeyId::of_user(pk), format!("{}@example.org", self.below(100)))),
                password: Some(password(pk)),
                username_claim: self.reservation(),
                email_claim: Some(self.reservation()),
                email_verified: self.below(2) == 0,
                at,
            }),
            3 | 4 => Event::ClaimAbandoned { reservation: self.reservation(), at },
            5 => Event::EmailVerified { at },
            6 => Event::EmailChangeRequested {
                email: Private::new(KeyId::of_user(pk), format!("new{}@example.org", self.below(100))),
                reservation: self.reservation(),
                at,
            },
            7 => Event::EmailChanged { at },
            8 => Event::PasswordChanged {
                password: password(pk),
                kept: (self.below(2) == 0).then(|| SessionId(self.below(9))),
                at,
            },
            9 => Event::PasswordReset { password: password(pk), at },
            10 => Event::PasswordRehashed { password: password(pk), at },
            11 => renamed(pk, &format!("Näme {}", self.below(100))),
            12 | 13 => Event::SocialAccountLinked(SocialAccount {
                id: self.link(),
                provider: "google".to_owned(),
                subject: Private::new(KeyId::of_user(pk), self.below(100).to_string()),
                claim: self.reservation(),
                at,
            }),
            14 => Event::SocialAccountUnlinked { id: self.link(), at },
            15 => Event::UserDisabled { at },
            _ => Event::UserEnabled { at },
        }
    }

    fn session_event(&mut self, id: SessionId) -> session::Event {
        match self.below(4) {
            0 => started(id, ANN, u32::try_from(self.below(3)).unwrap()),
            1 => session::Event::SessionRevoked { reason: RevocationReason::Ended, at: self.time() },
            _ => session::Event::SessionRefreshed {
                counter: u32::try_from(self.below(9)).unwrap(),
                issue: Issue { iat: self.time(), exp: self.time(), kid: "k".to_owned() },
            },
        }
    }
}

const USERS: i64 = 25;
const SESSIONS: u64 = 20;

/// Writes histories of users and sessions all mixed up.
pub(super) async fn live_through(house: &House, dice: &mut Dice) {
    for _ in 0..300 {
        if dice.below(3) == 0 {
            let id = SessionId(1 + dice.below(SESSIONS));
            let event = dice.session_event(id);
            house.append::<Session>(&StreamId::session(id), &[event]).await;
        } else {
            let pk = UserId(1 + i64::try_from(dice.below(USERS.unsigned_abs())).unwrap());
            let events: Vec<Event> = (0..=dice.below(3)).map(|_| dice.user_event(pk)).collect();
            house.user(pk, &events).await;
        }
    }
}

/// What the fold of a user's stream says, in the words of the row.
async fn folded_user(house: &House, pk: UserId) -> Option<UserRow> {
    let loaded = house.journal.load::<User>(&StreamId::user(pk)).await.unwrap();
    let account = loaded.state.account()?;
    let Account { names, email, pending_email, epoch, kept, active, registered_at, linked, .. } =
        account.clone();
    let names = names.get().cloned().unwrap_or_default();
    Some(UserRow {
        pk,
        username: names.username,
        first_name: names.first_name,
        last_name: names.last_name,
        email_claim: email.as_ref().map(|address| address.claim),
        email_verified: email.as_ref().is_some_and(|address| address.verified),
        email: email.and_then(|address| address.email.get().cloned()),
        pending_claim: pending_email.as_ref().map(|pending| pending.claim),
        pending_email: pending_email.and_then(|pending| pending.email.get().cloned()),
        active,
        epoch,
        kept,
        epoch_raised_at: last_rise(house, pk).await,
        registered_at,
        linked: linked.iter().map(|linked| (&linked.account).into()).collect(),
        version: loaded.version,
        position: loaded.position,
    })
}

async fn last_rise(house: &House, pk: UserId) -> Option<Time> {
    let (mut state, mut risen) = (User::default(), None);
    for recorded in house.log().read_stream(&StreamId::user(pk), 0).await.unwrap() {
        let event = house.journal.decode::<User>(&recorded).await.unwrap();
        let before = state.account().map(|account| account.epoch);
        state = state.evolve(&event);
        let rose = before.is_some() && before != state.account().map(|account| account.epoch);
        if let (
            true,
            Event::PasswordChanged { at, .. } | Event::PasswordReset { at, .. } | Event::UserDisabled { at },
        ) = (rose, &event)
        {
            risen = Some(*at);
        }
    }
    risen
}

async fn folded_session(house: &House, id: SessionId) -> Option<SessionRow> {
    let (mut state, mut revoked_at) = (Session::default(), None);
    let stream = StreamId::session(id);
    for recorded in house.log().read_stream(&stream, 0).await.unwrap() {
        let event = house.journal.decode::<Session>(&recorded).await.unwrap();
        let was_live = state.live().is_some();
        state = state.evolve(&event);
        match event {
            session::Event::SessionRevoked { at, .. } if was_live => revoked_at = Some(at),
            _ if state.live().is_some() => revoked_at = None,
            _ => {}
        }
    }
    let (Session::Live(live) | Session::Revoked(live, _)) = state else {
        return None;
    };
    let client = live.client.get().unwrap();
    Some(SessionRow {
        id,
        user: live.user,
        epoch: live.epoch,
        started_at: live.started_at,
        refreshed_at: live.issue.as_ref().map_or(live.started_at, |issue| issue.iat),
        until: live.until,
        address: client.address.clone(),
        agent: client.agent.clone(),
        revoked_at,
        social: None,
        position: house.journal.load::<Session>(&stream).await.unwrap().position,
    })
}

pub(super) async fn rows_are_folds(house: &House) {
    let mut born = 0;
    for pk in (1..=USERS).map(UserId) {
        let folded = folded_user(house, pk).await;
        born += u32::from(folded.is_some());
        assert_eq!(house.row::<UserRow>(pk).await, folded);
        assert_eq!(house.current(pk).await, folded);
    }
    for id in (1..=SESSIONS).map(SessionId) {
        assert_eq!(house.row::<SessionRow>(id).await, folded_session(house, id).await);
    }
    assert!(born > 10, "only {born} users were born");
}

pub(super) async fn project_all(house: &House, page: u32) {
    house.project::<UserRow>(page).await.unwrap();
    house.project::<SessionRow>(page).await.unwrap();
}

async fn a_row_says_what_the_fold_of_its_stream_says(house: &impl AsyncFn() -> House) {
    for (seed, page) in [(1, 1), (2, 7), (3, 1000), (4, 50)] {
        let (house, mut dice) = (house().await, Dice(seed));
        live_through(&house, &mut dice).await;
        project_all(&house, page).await;
        rows_are_folds(&house).await;
        live_through(&house, &mut dice).await;
        project_all(&house, page + 3).await;
        rows_are_folds(&house).await;
    }
}

async fn what_a_user_reads_before_the_projector_came_is_the_fold_too(house: &impl AsyncFn() -> House) {
    let (house, mut dice) = (house().await, Dice(5));
    live_through(&house, &mut dice).await;
    house.project::<UserRow>(1000).await.unwrap();
    live_through(&house, &mut dice).await;
    for pk in (1..=USERS).map(UserId) {
        assert_eq!(house.current(pk).await, folded_user(&house, pk).await);
    }
}

async fn a_replay_from_an_older_checkpoint_changes_nothing_at_any_time(house: &impl AsyncFn() -> House) {
    let (house, mut dice) = (house().await, Dice(6));
    live_through(&house, &mut dice).await;
    project_all(&house, 1000).await;
    for place in [0, 1, 150, 299] {
        for role in [UserRow::NAME, SessionRow::NAME] {
            house.desk.place(role, Position(place)).await.unwrap();
        }
        let batch = house.log().read_all(Position(place), 40).await.unwrap();
        house.projector::<UserRow>().take(&batch, &house.lease::<UserRow>().await).await.unwrap();
        house.projector::<SessionRow>().take(&batch, &house.lease::<SessionRow>().await).await.unwrap();
        rows_are_folds(&house).await;
        project_all(&house, 40).await;
        rows_are_folds(&house).await;
    }
}

async fn rows_made_anew_are_the_rows_that_were(house: &impl AsyncFn() -> House) {
    let (house, mut dice) = (house().await, Dice(7));
    live_through(&house, &mut dice).await;
    project_all(&house, 9).await;
    for sql in ["delete from users", "delete from sessions", "delete from kept_checkpoints"] {
        house.sql(sql).await;
    }
    project_all(&house, 1000).await;
    rows_are_folds(&house).await;
}
