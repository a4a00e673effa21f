//! What may happen to a login, command by command, before it begins, while it lives and after it was revoked.

mod refresh;

use super::{Client, Command, Error, Event, Issue, Live, RevocationReason, Session, Start};
use crate::{KeyId, Private, SessionId, Time, UserId, fold, given::given};

const BEGIN: Time = Time::from_seconds(1000);
const UNTIL: Time = Time::from_seconds(9000);
const LATER: Time = Time::from_seconds(2000);
const REASONS: [RevocationReason; 3] =
    [RevocationReason::Logout, RevocationReason::Ended, RevocationReason::Reuse];

fn start() -> Start {
    Start {
        user: UserId(1),
        epoch: 4,
        at: BEGIN,
        until: UNTIL,
        client: Private::new(
            KeyId::of_session(SessionId(7)),
            Client { address: "192.0.2.1".into(), agent: "a browser".into() },
        ),
        social: None,
    }
}

fn started() -> Event {
    Event::SessionStarted(start())
}

fn issue(seconds: i64) -> Issue {
    Issue { iat: Time::from_seconds(seconds), exp: UNTIL, kid: "key-1".into() }
}

fn refreshed(counter: u32, seconds: i64) -> Event {
    Event::SessionRefreshed { counter, issue: issue(seconds) }
}

const fn revoked(reason: RevocationReason) -> Event {
    Event::SessionRevoked { reason, at: LATER }
}

const fn revoke(reason: RevocationReason) -> Command {
    Command::Revoke { reason, at: LATER }
}

#[test]
fn a_session_starts() {
    given::<Session>([]).when(Command::Start(start())).then([started()]);
}

#[test]
fn a_session_that_never_began_is_not_revoked() {
    for reason in REASONS {
        given::<Session>([]).when(revoke(reason)).refused(&Error::NotStarted);
    }
}

#[test]
fn a_session_starts_once() {
    given::<Session>([started()]).when(Command::Start(start())).refused(&Error::AlreadyStarted);
}

#[test]
fn a_live_session_is_revoked_for_any_reason() {
    for reason in REASONS {
        given::<Session>([started()]).when(revoke(reason)).then([revoked(reason)]);
    }
}

#[test]
fn a_revoked_session_does_not_start_again() {
    given::<Session>([started(), revoked(RevocationReason::Logout)])
        .when(Command::Start(start()))
        .refused(&Error::AlreadyStarted);
}

#[test]
fn a_session_is_revoked_once_and_its_first_reason_stays() {
    let history = || [started(), revoked(RevocationReason::Reuse)];
    for reason in REASONS {
        given::<Session>(history()).when(revoke(reason)).then_nothing();
    }
    let state =
        fold::<Session>(&[started(), revoked(RevocationReason::Reuse), revoked(RevocationReason::Logout)]);
    assert!(matches!(state, Session::Revoked(_, RevocationReason::Reuse)));
}

#[test]
fn a_revoked_session_comes_to_life_by_no_event() {
    let history = [started(), revoked(RevocationReason::Logout), started(), refreshed(1, 3000)];
    let state = fold::<Session>(&history);
    assert!(matches!(state, Session::Revoked(_, RevocationReason::Logout)));
    assert_eq!(state.live(), None);
}

#[test]
fn a_session_that_never_began_is_not_live() {
    assert_eq!(fold::<Session>(&[]).live(), None);
    assert_eq!(fold::<Session>(&[refreshed(1, 3000)]).live(), None);
}

#[test]
fn a_live_session_knows_whom_it_serves_from_which_epoch_and_how_long() {
    let state = fold::<Session>(&[started()]);
    let expected = Live {
        user: UserId(1),
        epoch: 4,
        started_at: BEGIN,
        until: UNTIL,
        client: start().client,
        counter: 0,
        issue: None,
    };
    assert_eq!(state.live(), Some(&expected));
}
