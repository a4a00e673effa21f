//! What may happen to a mail, command by command, before it is asked for, while it waits and after it ended.

use super::{Command, Error, Event, FailureReason, LinkTerms, Mail, Purpose, Request};
use crate::{KeyId, Private, Time, UserId, fold, given::given};

const SENT: Event = Event::MailSent { attempt: 2, at: Time(20) };
const RECORD_SENT: Command = Command::RecordSent { attempt: 2, at: Time(20) };

fn request() -> Request {
    Request {
        purpose: Purpose::ResetPassword,
        user: UserId(1),
        to: Private::new(KeyId::of_user(UserId(1)), "ada@example.org".into()),
        link: Some(LinkTerms { expires_at: Time(100), epoch: 3, key: "link-1".into() }),
        at: Time(10),
    }
}

fn requested() -> Event {
    Event::MailRequested(request())
}

const fn failed(reason: FailureReason) -> Event {
    Event::MailFailed { attempt: 2, reason, at: Time(20) }
}

const fn record_failure(reason: FailureReason) -> Command {
    Command::RecordFailure { attempt: 2, reason, at: Time(20) }
}

#[test]
fn a_mail_is_asked_for() {
    given::<Mail>([]).when(Command::Request(request())).then([requested()]);
}

#[test]
fn a_mail_that_was_never_asked_for_is_neither_sent_nor_given_up() {
    given::<Mail>([]).when(RECORD_SENT).refused(&Error::NotRequested);
    given::<Mail>([]).when(record_failure(FailureReason::Refused)).refused(&Error::NotRequested);
}

#[test]
fn a_mail_is_asked_for_once() {
    given::<Mail>([requested()]).when(Command::Request(request())).refused(&Error::AlreadyRequested);
}

#[test]
fn a_mail_that_waits_is_sent() {
    given::<Mail>([requested()]).when(RECORD_SENT).then([SENT]);
}

#[test]
fn a_mail_that_waits_is_given_up_for_any_reason() {
    for reason in [FailureReason::Expired, FailureReason::Refused, FailureReason::Shredded] {
        given::<Mail>([requested()]).when(record_failure(reason)).then([failed(reason)]);
    }
}

#[test]
fn a_mail_that_was_sent_is_not_asked_for_again() {
    given::<Mail>([requested(), SENT]).when(Command::Request(request())).refused(&Error::AlreadyRequested);
}

#[test]
fn a_mail_is_sent_once_however_often_the_worker_says_so() {
    given::<Mail>([requested(), SENT]).when(RECORD_SENT).then_nothing();
}

#[test]
fn a_mail_that_was_sent_is_not_given_up() {
    given::<Mail>([requested(), SENT]).when(record_failure(FailureReason::Expired)).then_nothing();
}

#[test]
fn a_mail_that_was_given_up_is_not_asked_for_again() {
    given::<Mail>([requested(), failed(FailureReason::Expired)])
        .when(Command::Request(request()))
        .refused(&Error::AlreadyRequested);
}

#[test]
fn a_mail_that_was_given_up_is_neither_sent_nor_given_up_again() {
    let history = || [requested(), failed(FailureReason::Expired)];
    given::<Mail>(history()).when(RECORD_SENT).then_nothing();
    given::<Mail>(history()).when(record_failure(FailureReason::Refused)).then_nothing();
}

#[test]
fn a_mail_that_waits_knows_where_it_goes_and_what_its_link_is_bound_to() {
    assert_eq!(fold::<Mail>(&[requested()]), Mail::Requested(request()));
}
