//! Refresh: rotation, the grace for a lost answer, and what gives a stolen token away.

use std::time::Duration;

use super::{UNTIL, issue, refreshed, revoked, started};
use crate::{
    Aggregate, Session, Time, fold,
    given::given,
    session::{Command, Error, Event, RevocationReason},
};

const GRACE: Duration = Duration::from_secs(10);
const NO_GRACE: Duration = Duration::ZERO;

/// A refresh token with this counter comes back at this second; tokens rotate.
fn rotate(counter: u32, seconds: i64, grace: Duration) -> Command {
    Command::Refresh(crate::session::Refresh {
        counter,
        next: Some(issue(seconds)),
        grace,
        at: Time::from_seconds(seconds),
    })
}

/// The same where tokens don't rotate.
fn carry_on(counter: u32, seconds: i64) -> Command {
    Command::Refresh(crate::session::Refresh {
        counter,
        next: None,
        grace: GRACE,
        at: Time::from_seconds(seconds),
    })
}

fn reused(seconds: i64) -> Event {
    Event::SessionRevoked { reason: RevocationReason::Reuse, at: Time::from_seconds(seconds) }
}

/// Started at 1000, refreshed at 2000 and at 3000.
fn twice_refreshed() -> [Event; 3] {
    [started(), refreshed(1, 2000), refreshed(2, 3000)]
}

#[test]
fn a_session_that_never_began_is_not_refreshed() {
    given::<Session>([]).when(rotate(0, 2000, GRACE)).refused(&Error::NotStarted);
    given::<Session>([]).when(carry_on(0, 2000)).refused(&Error::NotStarted);
}

#[test]
fn the_first_refresh_token_is_replaced_by_the_second() {
    given::<Session>([started()]).when(rotate(0, 2000, GRACE)).then([refreshed(1, 2000)]);
}

#[test]
fn the_newest_refresh_token_is_replaced_by_the_next() {
    given::<Session>(twice_refreshed()).when(rotate(2, 4000, GRACE)).then([refreshed(3, 4000)]);
}

#[test]
fn where_tokens_do_not_rotate_the_newest_is_answered_and_nothing_recorded() {
    given::<Session>([started()]).when(carry_on(0, 2000)).then_nothing();
    given::<Session>(twice_refreshed()).when(carry_on(2, 4000)).then_nothing();
}

#[test]
fn a_token_that_was_never_issued_is_refused_and_revokes_nothing() {
    given::<Session>([started()]).when(rotate(1, 2000, GRACE)).refused(&Error::NeverIssued);
    given::<Session>(twice_refreshed()).when(carry_on(u32::MAX, 4000)).refused(&Error::NeverIssued);
}

#[test]
fn within_the_grace_the_token_before_the_newest_is_answered_and_nothing_recorded() {
    given::<Session>(twice_refreshed()).when(rotate(1, 3000, GRACE)).then_nothing();
    given::<Session>(twice_refreshed()).when(rotate(1, 3009, GRACE)).then_nothing();
}

#[test]
fn within_the_grace_the_answer_is_made_of_the_same_child_again() {
    let state = fold::<Session>(&twice_refreshed());
    let child = state.live().unwrap().clone();
    let events = state.decide(rotate(1, 3005, GRACE)).unwrap();
    let after = events.iter().fold(state, Session::evolve);
    assert_eq!(after.live(), Some(&child));
    assert_eq!(after.live().unwrap().counter, 2);
    assert_eq!(after.live().unwrap().issue, Some(issue(3000)));
}

#[test]
fn the_first_token_has_its_grace_too() {
    let history = || [started(), refreshed(1, 2000)];
    given::<Session>(history()).when(rotate(0, 2009, GRACE)).then_nothing();
    given::<Session>(history()).when(rotate(0, 2010, GRACE)).then([reused(2010)]);
}

#[test]
fn the_grace_is_over_at_its_last_moment() {
    given::<Session>(twice_refreshed()).when(rotate(1, 3010, GRACE)).then([reused(3010)]);
}

#[test]
fn without_a_grace_a_replaced_token_revokes_the_session_in_the_same_moment() {
    given::<Session>(twice_refreshed()).when(rotate(1, 3000, NO_GRACE)).then([reused(3000)]);
}

#[test]
fn a_token_two_before_the_newest_revokes_the_session_even_within_the_grace() {
    given::<Session>(twice_refreshed()).when(rotate(0, 3001, GRACE)).then([reused(3001)]);
}

#[test]
fn a_replaced_token_revokes_the_session_where_tokens_rotate_no_more() {
    given::<Session>(twice_refreshed()).when(carry_on(1, 4000)).then([reused(4000)]);
}

#[test]
fn an_answer_in_grace_does_not_prolong_the_grace() {
    let state = fold::<Session>(&twice_refreshed());
    let events = state.decide(rotate(1, 3009, GRACE)).unwrap();
    let later = events.iter().fold(state, Session::evolve);
    assert_eq!(later.decide(rotate(1, 3010, GRACE)), Ok(vec![reused(3010)]));
}

#[test]
fn a_node_whose_clock_is_late_still_grants_the_grace() {
    given::<Session>(twice_refreshed()).when(rotate(1, 2999, GRACE)).then_nothing();
}

#[test]
fn a_session_that_reached_its_end_is_not_refreshed_by_any_token() {
    let end = UNTIL.seconds();
    for counter in 0..4 {
        given::<Session>(twice_refreshed()).when(rotate(counter, end, GRACE)).refused(&Error::Over);
        given::<Session>(twice_refreshed()).when(carry_on(counter, end)).refused(&Error::Over);
    }
}

#[test]
fn a_session_is_refreshed_up_to_the_last_second_before_its_end() {
    let last = UNTIL.seconds() - 1;
    given::<Session>([started()]).when(rotate(0, last, GRACE)).then([refreshed(1, last)]);
}

#[test]
fn a_revoked_session_refreshes_no_more() {
    for counter in 0..4 {
        let history = || [started(), refreshed(1, 1500), revoked(RevocationReason::Ended)];
        given::<Session>(history()).when(rotate(counter, 2000, GRACE)).refused(&Error::Revoked);
        given::<Session>(history()).when(carry_on(counter, 2000)).refused(&Error::Revoked);
    }
}

#[test]
fn a_thief_and_his_victim_both_lose_the_session_when_either_comes_second() {
    let state = fold::<Session>(&[started()]);
    let thief = state.decide(rotate(0, 2000, GRACE)).unwrap();
    let state = thief.iter().fold(state, Session::evolve);
    let victim = state.decide(rotate(0, 2600, GRACE)).unwrap();
    let state = victim.iter().fold(state, Session::evolve);
    assert_eq!(state.decide(rotate(1, 2601, GRACE)), Err(Error::Revoked));
}

#[test]
fn a_counter_that_can_rise_no_further_ends_the_session() {
    given::<Session>([started(), refreshed(u32::MAX, 2000)])
        .when(rotate(u32::MAX, 3000, GRACE))
        .refused(&Error::Over);
}
