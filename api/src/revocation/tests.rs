//! What a node knows of revocations, and when it no longer trusts it.

use domain::Time;
use store::Position;

use super::*;

fn user(epoch: u32, kept: Option<SessionId>, active: bool) -> UserRow {
    UserRow {
        pk: UserId(1),
        username: "ada".into(),
        email: None,
        email_claim: None,
        email_verified: false,
        pending_email: None,
        pending_claim: None,
        first_name: String::new(),
        last_name: String::new(),
        active,
        epoch,
        kept,
        epoch_raised_at: None,
        registered_at: Time(0),
        linked: vec![],
        version: u64::from(epoch) + 1,
        position: Position(1),
    }
}

fn known() -> Revocations {
    Revocations::new(Duration::from_mins(1), Duration::from_mins(5))
}

#[test]
fn a_revoked_session_is_refused_and_others_are_not() {
    let known = known();
    known.revoke(SessionId(7), Time(0));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Revoked));
    assert_eq!(known.standing(UserId(1), SessionId(8), 0), Ok(Standing::Good));
}

#[test]
fn a_raised_epoch_refuses_every_older_session_but_the_kept_one() {
    let known = known();
    known.raise(&user(1, Some(SessionId(7)), true), Time(0));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Good));
    assert_eq!(known.standing(UserId(1), SessionId(8), 0), Ok(Standing::Revoked));
    assert_eq!(known.standing(UserId(1), SessionId(9), 1), Ok(Standing::Good));
    assert_eq!(known.standing(UserId(2), SessionId(8), 0), Ok(Standing::Good));
}

#[test]
fn a_disabled_user_is_told_so_before_any_word_about_his_session() {
    let known = known();
    known.revoke(SessionId(7), Time(0));
    known.raise(&user(1, None, false), Time(0));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Disabled));
}

#[test]
fn older_news_never_replaces_newer() {
    let known = known();
    known.raise(&user(2, None, true), Time(2));
    known.raise(&user(1, Some(SessionId(7)), true), Time(1));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Revoked));
}

#[test]
fn what_no_live_token_can_meet_is_forgotten() {
    let known = known();
    known.revoke(SessionId(7), Time(0));
    known.forget(Time::from_seconds(299));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Revoked));
    known.forget(Time::from_seconds(300));
    assert_eq!(known.standing(UserId(1), SessionId(7), 0), Ok(Standing::Good));
}

#[test]
fn a_clock_that_was_set_back_lets_nothing_be_forgotten_too_early() {
    let known = known();
    known.forget(Time::from_seconds(3600));
    known.revoke(SessionId(7), Time(0));
    known.raise(&user(1, None, true), Time(0));
    for (now, session, standing) in [
        (3899, SessionId(7), Standing::Revoked),
        (3899, SessionId(8), Standing::Revoked),
        (3900, SessionId(7), Standing::Good),
        (3900, SessionId(8), Standing::Good),
    ] {
        known.forget(Time::from_seconds(now));
        assert_eq!(known.standing(UserId(1), session, 0), Ok(standing), "{session} at {now}");
    }
}

#[test]
fn a_node_that_hears_nothing_does_not_answer() {
    let known = Revocations::new(Duration::ZERO, Duration::from_mins(5));
    while known.heard.read().unwrap().elapsed().is_zero() {}
    assert!(known.standing(UserId(1), SessionId(7), 0).is_err());
}

#[test]
fn a_user_of_whom_nothing_can_be_read_is_refused_whatever_is_heard_of_him_later() {
    let known = known();
    known.refuse(UserId(1), Time(0));
    known.raise(&user(3, Some(SessionId(7)), true), Time(1));
    for epoch in [0, 3, 4] {
        assert_eq!(known.standing(UserId(1), SessionId(7), epoch), Ok(Standing::Revoked));
    }
    assert_eq!(known.standing(UserId(2), SessionId(8), 0), Ok(Standing::Good));
}
