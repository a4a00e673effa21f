//! Generated events and commands of a session.

use proptest::prelude::*;

use super::{epoch, private, span, time, user_id};
use crate::session::{Client, Command, Event, Issue, Refresh, RevocationReason, Start};

fn client() -> impl Strategy<Value = Client> {
    Just(Client { address: "192.0.2.1".into(), agent: "a browser".into() })
}

fn start() -> impl Strategy<Value = Start> {
    let parts = (user_id(), epoch(), time(), time(), private(client()), prop::option::of(0_u32..4));
    parts.prop_map(|(user, epoch, at, until, client, social)| Start {
        user,
        epoch,
        at,
        until,
        client,
        social,
    })
}

fn issue() -> impl Strategy<Value = Issue> {
    (time(), time()).prop_map(|(iat, exp)| Issue { iat, exp, kid: "key-1".into() })
}

fn counter() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0_u32..5, 1 => Just(u32::MAX), 1 => any::<u32>()]
}

fn reason() -> impl Strategy<Value = RevocationReason> {
    prop::sample::select(vec![RevocationReason::Logout, RevocationReason::Ended, RevocationReason::Reuse])
}

pub(in crate::laws) fn refresh() -> impl Strategy<Value = Refresh> {
    let parts = (counter(), prop::option::weighted(0.8, issue()), span(), time());
    parts.prop_map(|(counter, next, grace, at)| Refresh { counter, next, grace, at })
}

pub(in crate::laws) fn revoke() -> impl Strategy<Value = Command> {
    (reason(), time()).prop_map(|(reason, at)| Command::Revoke { reason, at })
}

pub(in crate::laws) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => start().prop_map(Event::SessionStarted),
        5 => (counter(), issue()).prop_map(|(counter, issue)| Event::SessionRefreshed { counter, issue }),
        1 => (reason(), time()).prop_map(|(reason, at)| Event::SessionRevoked { reason, at }),
    ]
}

pub(in crate::laws) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => start().prop_map(Command::Start),
        12 => refresh().prop_map(Command::Refresh),
        1 => revoke(),
    ]
}
