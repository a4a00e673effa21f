//! What an order writes that takes names, and in which order.

use uuid::Uuid;

use super::*;
use crate::{
    KeyId, Private, SessionId, fold,
    user::{Names, PasswordHash, Proof, Registration, UpdateProfile},
};

const EVE: UserId = UserId(1);
const ADA: UserId = UserId(2);
const TTL: Duration = Duration::from_hours(1);
const NOW: Terms = Terms { at: Time::from_seconds(30), verify_ttl: TTL };
const LATER: Terms = Terms { at: Time::from_seconds(90), verify_ttl: TTL };

fn reservation(number: u128) -> ReservationId {
    ReservationId(Uuid::from_u128(number))
}

fn registration(user: UserId, claims: [u128; 2]) -> Registration {
    Registration {
        names: Private::new(KeyId::of_user(user), Names::default()),
        email: Some(Private::new(KeyId::of_user(user), "eve@x".to_owned())),
        password: Some(Private::new(KeyId::of_password(user, Uuid::nil()), PasswordHash(String::new()))),
        username_claim: reservation(claims[0]),
        email_claim: Some(reservation(claims[1])),
        email_verified: false,
        at: Time(0),
    }
}

fn eve() -> Seen<User> {
    let state = fold(&[user::Event::UserRegistered(registration(EVE, [1, 2]))]);
    Seen { state, version: 1 }
}

fn free(name: &'static str) -> Found<&'static str> {
    Found { name, claim: Seen::default(), holder: None }
}

fn held(name: &'static str, (holder, seen): (UserId, Seen<User>), number: u128) -> Found<&'static str> {
    let state = Claim::Held(Holding { holder, reservation: reservation(number), at: Time(0) });
    Found { name, claim: Seen { state, version: 1 }, holder: Some(seen) }
}

fn rename(number: u128) -> UserCommand {
    let names = Private::new(KeyId::of_user(EVE), Names { username: "new".to_owned(), ..Names::default() });
    let proof = Proof { session: SessionId(1), epoch: 0 };
    UserCommand::UpdateProfile(UpdateProfile { proof, names, claim: Some(reservation(number)), at: LATER.at })
}

fn told(writes: &[Write<&'static str>]) -> Vec<String> {
    let told = |write: &Write<&'static str>| match write {
        Write::User { user, expected, events } => {
            format!("user {} after {expected}: {}", user.0, events.len())
        }
        Write::Claim { name, expected, events } => format!("{name} after {expected}: {}", events.len()),
    };
    writes.iter().map(told).collect()
}

#[test]
fn claims_come_before_the_user() {
    let mut plan = Plan::of(ADA, Seen::default());
    plan.take(free("ada"), reservation(3), NOW).unwrap();
    plan.take(free("ada@x"), reservation(4), NOW).unwrap();
    plan.commit(UserCommand::Register(Box::new(registration(ADA, [3, 4])))).unwrap();
    assert_eq!(told(plan.writes()), ["ada after 0: 1", "ada@x after 0: 1", "user 2 after 0: 1"]);
}

#[test]
fn a_claim_that_was_left_behind_is_taken_behind_a_fence() {
    let mut plan = Plan::of(EVE, eve());
    plan.take(held("new", (ADA, Seen::default()), 9), reservation(3), LATER).unwrap();
    plan.commit(rename(3)).unwrap();
    assert_eq!(told(plan.writes()), ["user 2 after 0: 1", "new after 1: 2", "user 1 after 1: 1"]);
}

#[test]
fn a_claim_that_may_be_under_way_is_not_taken() {
    let mut plan = Plan::of(EVE, eve());
    let taken = plan.take(held("new", (ADA, Seen::default()), 9), reservation(3), NOW);
    assert_eq!(taken, Err(Error::Held));
    assert!(plan.writes().is_empty() && plan.claimed().is_empty());
}

#[test]
fn a_name_in_use_is_not_taken_however_old_its_claim_is() {
    let mut plan = Plan::of(ADA, Seen::default());
    let taken = plan.take(held("eve", (EVE, eve()), 1), reservation(3), LATER);
    assert_eq!(taken, Err(Error::Held));
}

#[test]
fn whoever_takes_over_his_own_claim_fences_himself_at_once() {
    let mut plan = Plan::of(EVE, eve());
    plan.take(held("new", (EVE, eve()), 9), reservation(3), NOW).unwrap();
    plan.commit(rename(3)).unwrap();
    assert_eq!(told(plan.writes()), ["user 1 after 1: 1", "new after 1: 2", "user 1 after 2: 1"]);
}

#[test]
fn what_is_given_back_comes_after_the_event_and_only_if_it_is_still_held() {
    let mut plan = Plan::of(EVE, eve());
    plan.take(free("new"), reservation(3), NOW).unwrap();
    plan.release("eve", held("eve", (EVE, eve()), 1).claim, reservation(1));
    plan.release("other", held("other", (ADA, Seen::default()), 9).claim, reservation(1));
    plan.commit(rename(3)).unwrap();
    assert_eq!(told(plan.writes()), ["new after 0: 1", "user 1 after 1: 1"]);
    assert_eq!(told(plan.afterwards()), ["eve after 1: 1"]);
}

#[test]
fn a_name_that_was_left_behind_is_freed_behind_a_fence() {
    let plan = Plan::freeing(held("ada", (ADA, Seen::default()), 9), LATER.at).unwrap();
    assert_eq!(told(plan.writes()), ["user 2 after 0: 1", "ada after 1: 1"]);
    let plan = Plan::freeing(held("new", (EVE, eve()), 9), LATER.at).unwrap();
    assert_eq!(told(plan.writes()), ["user 1 after 1: 1", "new after 1: 1"]);
}

#[test]
fn a_name_whose_holder_was_fenced_before_is_freed_at_once() {
    let fenced = Seen { state: User::Abandoned, version: 1 };
    let plan = Plan::freeing(held("ada", (ADA, fenced), 9), NOW.at).unwrap();
    assert_eq!(told(plan.writes()), ["ada after 1: 1"]);
}

#[test]
fn a_name_is_not_freed_that_counts_or_may_be_about_to() {
    let after_ages = Time::from_seconds(1_000_000_000);
    assert_eq!(Plan::freeing(held("eve@x", (EVE, eve()), 2), after_ages), Err(Error::Held));
    assert_eq!(Plan::freeing(held("ada", (ADA, Seen::default()), 9), NOW.at), Err(Error::Held));
    assert_eq!(Plan::freeing(held("new", (EVE, eve()), 9), NOW.at), Err(Error::Held));
}

#[test]
fn nothing_is_written_to_free_what_is_free() {
    assert!(Plan::freeing(free("ada"), LATER.at).unwrap().writes().is_empty());
}
