//! Generated events and commands. Ids, moments and addresses come from so few that they meet each other often.

pub(super) mod session;
pub(super) mod user;

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    KeyId, Private, ReservationId, SessionId, Time, UserId,
    claim::{self, Holding},
    login,
    mail::{self, FailureReason, LinkTerms, Purpose, Request},
};

pub(super) fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        20 => (0_i64..40).prop_map(|half_hours| Time::from_seconds(half_hours * 1800)),
        1 => any::<i64>().prop_map(Time),
    ]
}

pub(super) fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        20 => (0_u64..20).prop_map(|half_hours| Duration::from_secs(half_hours * 1800)),
        1 => Just(Duration::MAX),
    ]
}

pub(super) fn user_id() -> impl Strategy<Value = UserId> {
    (1_i64..4).prop_map(UserId)
}

pub(super) fn session_id() -> impl Strategy<Value = SessionId> {
    (0_u64..4).prop_map(SessionId)
}

pub(super) fn reservation() -> impl Strategy<Value = ReservationId> {
    (0_u128..5).prop_map(|unique| ReservationId(Uuid::from_u128(unique)))
}

pub(super) fn epoch() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0_u32..4, 1 => any::<u32>()]
}

pub(super) fn address() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["ada@example.org", "ADA@Example.org", "ada@example.net", "b", ""])
        .prop_map(str::to_owned)
}

/// A value under the user's key, sometimes shredded.
pub(super) fn private<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Private<T>> {
    prop::option::weighted(0.9, value).prop_map(|value| Private { key: KeyId::of_user(UserId(1)), value })
}

fn holding() -> impl Strategy<Value = Holding> {
    (user_id(), reservation(), time()).prop_map(|(holder, reservation, at)| Holding {
        holder,
        reservation,
        at,
    })
}

pub(super) fn claim_event() -> impl Strategy<Value = claim::Event> {
    prop_oneof![
        holding().prop_map(claim::Event::Claimed),
        reservation().prop_map(|reservation| claim::Event::Released { reservation }),
    ]
}

pub(super) fn claim_command() -> impl Strategy<Value = claim::Command> {
    prop_oneof![
        holding().prop_map(claim::Command::Claim),
        (reservation(), holding()).prop_map(|(from, next)| claim::Command::TakeOver { from, next }),
        reservation().prop_map(claim::Command::Release),
    ]
}

/// Counts that grow as they do in an attack, and others.
fn count() -> impl Strategy<Value = u32> {
    prop_oneof![10 => 1_u32..60, 1 => any::<u32>()]
}

pub(super) fn login_event() -> impl Strategy<Value = login::Event> {
    (time(), count()).prop_map(|(at, count)| login::Event::LoginFailed { at, count })
}

pub(super) fn login_command() -> impl Strategy<Value = login::Command> {
    (time(), count()).prop_map(|(at, count)| login::Command::RecordFailure { at, count })
}

fn reason() -> impl Strategy<Value = FailureReason> {
    prop::sample::select(vec![FailureReason::Expired, FailureReason::Refused, FailureReason::Shredded])
}

fn request() -> impl Strategy<Value = Request> {
    let purpose = prop::sample::select(&Purpose::ALL[..]);
    let link = (time(), epoch()).prop_map(|(expires_at, epoch)| LinkTerms {
        expires_at,
        epoch,
        key: "link-1".into(),
    });
    let parts = (purpose, user_id(), private(address()), prop::option::of(link), time());
    parts.prop_map(|(purpose, user, to, link, at)| Request { purpose, user, to, link, at })
}

pub(super) fn mail_event() -> impl Strategy<Value = mail::Event> {
    prop_oneof![
        request().prop_map(mail::Event::MailRequested),
        (0_u32..4, time()).prop_map(|(attempt, at)| mail::Event::MailSent { attempt, at }),
        failure().prop_map(mail::Event::MailFailed),
        time().prop_map(|at| mail::Event::MailRetried { at }),
    ]
}

fn failure() -> impl Strategy<Value = mail::Failure> {
    let answer = prop::option::of(private(address()));
    let parts = (0_u32..4, reason(), answer, time());
    parts.prop_map(|(attempt, reason, answer, at)| mail::Failure { attempt, reason, answer, at })
}

pub(super) fn mail_command() -> impl Strategy<Value = mail::Command> {
    prop_oneof![
        request().prop_map(mail::Command::Request),
        (0_u32..4, time()).prop_map(|(attempt, at)| mail::Command::RecordSent { attempt, at }),
        failure().prop_map(mail::Command::RecordFailure),
        time().prop_map(|at| mail::Command::Retry { at }),
    ]
}
