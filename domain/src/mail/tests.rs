//! What may happen to a mail, command by command, before it is asked for, while it waits and after it ended.

use super::{Command, Error, Event, Failure, FailureReason, LinkTerms, Mail, Purpose, Request};
use crate::{KeyId, Private, Time, UserId, fold, given::given};

/// Until when the link lives.
const LIFE: Time = Time(100_000_000);
const SENT: Event = Event::MailSent { attempt: 2, at: Time(20) };
const RECORD_SENT: Command = Command::RecordSent { attempt: 2, at: Time(20) };

fn request() -> Request {
    Request {
        purpose: Purpose::ResetPassword,
        user: UserId(1),
        to: Private::new(KeyId::of_user(UserId(1)), "ada@example.org".into()),
        link: Some(LinkTerms { expires_at: LIFE, epoch: 3, key: "link-1".into() }),
        at: Time(10),
    }
}

fn requested() -> Event {
    Event::MailRequested(request())
}

const fn failure(reason: FailureReason) -> Failure {
    Failure { attempt: 2, reason, answer: None, at: Time(20) }
}

const fn failed(reason: FailureReason) -> Event {
    Event::MailFailed(failure(reason))
}

const fn record_failure(reason: FailureReason) -> Command {
    Command::RecordFailure(failure(reason))
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
fn a_mail_that_was_given_up_is_tried_again_while_its_link_lives_and_then_sent_or_given_up_again() {
    let given_up = || [requested(), failed(FailureReason::Refused)];
    let (last, dead) = (Time(LIFE.0 - 1), LIFE);
    given::<Mail>(given_up()).when(Command::Retry { at: last }).then([Event::MailRetried { at: last }]);
    given::<Mail>(given_up()).when(Command::Retry { at: dead }).refused(&Error::Worthless);
    let again = || [requested(), failed(FailureReason::Refused), Event::MailRetried { at: Time(30) }];
    given::<Mail>(again()).when(RECORD_SENT).then([SENT]);
    given::<Mail>(again())
        .when(record_failure(FailureReason::Expired))
        .then([failed(FailureReason::Expired)]);
    assert_eq!(fold::<Mail>(&again()), Mail::Requested(request()));
}

#[test]
fn a_notice_that_was_given_up_is_tried_again_for_three_days() {
    const DAY: i64 = 86_400_000_000;
    let notice = Event::MailRequested(Request { link: None, ..request() });
    let given_up = || [notice.clone(), failed(FailureReason::Refused)];
    let at = Time(3 * DAY - 1);
    given::<Mail>(given_up()).when(Command::Retry { at }).then([Event::MailRetried { at }]);
    given::<Mail>(given_up()).when(Command::Retry { at: Time(4 * DAY) }).refused(&Error::Worthless);
}

#[test]
fn only_what_was_given_up_is_tried_again() {
    let retry = Command::Retry { at: Time(15) };
    given::<Mail>([]).when(retry.clone()).refused(&Error::NotRequested);
    given::<Mail>([requested()]).when(retry.clone()).refused(&Error::StillTried);
    given::<Mail>([requested(), SENT]).when(retry).refused(&Error::AlreadySent);
}

#[test]
fn a_mail_that_waits_knows_where_it_goes_and_what_its_link_is_bound_to() {
    assert_eq!(fold::<Mail>(&[requested()]), Mail::Requested(request()));
}
