//! Which names a user holds by right, and which he may lose to someone else.

use std::time::Duration;

use super::{
    BORN, CHANGED_EMAIL, DISABLED, EMAIL_CLAIM, FOREIGN_CLAIM, NOW, PENDING_CLAIM, TTL, USERNAME_CLAIM,
    VERIFIED, account, asked_for_new_email, lost, password_reset, registered, registered_verified,
};
use crate::{
    ReservationId, Time, User,
    given::given,
    user::{Command, Error, Event},
};

const MOMENT: Duration = Duration::from_micros(1);

pub(super) const fn abandon(reservation: ReservationId, at: Time) -> Command {
    Command::AbandonClaim { reservation, verify_ttl: TTL, at }
}

const fn lost_at(reservation: ReservationId, at: Time) -> Event {
    Event::ClaimAbandoned { reservation, at }
}

/// The last moment at which a link that was mailed at `from` lives.
fn last_moment(from: Time) -> Time {
    from + TTL.checked_sub(MOMENT).unwrap()
}

#[test]
fn a_reservation_that_the_user_does_not_name_is_given_up() {
    given::<User>([registered()]).when(abandon(FOREIGN_CLAIM, BORN)).then([lost_at(FOREIGN_CLAIM, BORN)]);
    given::<User>([registered(), DISABLED])
        .when(abandon(FOREIGN_CLAIM, BORN))
        .then([lost_at(FOREIGN_CLAIM, BORN)]);
}

#[test]
fn a_username_is_never_lost() {
    for at in [BORN, NOW, Time(i64::MAX)] {
        given::<User>([registered()]).when(abandon(USERNAME_CLAIM, at)).refused(&Error::NameInUse);
    }
}

#[test]
fn an_unverified_address_is_not_lost_while_its_link_lives() {
    given::<User>([registered()]).when(abandon(EMAIL_CLAIM, last_moment(BORN))).refused(&Error::NameInUse);
}

#[test]
fn an_unverified_address_is_lost_when_its_link_is_dead() {
    given::<User>([registered()])
        .when(abandon(EMAIL_CLAIM, BORN + TTL))
        .then([lost_at(EMAIL_CLAIM, BORN + TTL)]);
}

#[test]
fn a_disabled_users_unverified_address_is_lost_as_anyones() {
    given::<User>([registered(), DISABLED])
        .when(abandon(EMAIL_CLAIM, last_moment(BORN)))
        .refused(&Error::NameInUse);
    given::<User>([registered(), DISABLED])
        .when(abandon(EMAIL_CLAIM, BORN + TTL))
        .then([lost_at(EMAIL_CLAIM, BORN + TTL)]);
}

#[test]
fn a_verified_address_is_never_lost() {
    let histories = [
        vec![registered(), VERIFIED],
        vec![registered_verified()],
        vec![registered_verified(), DISABLED],
        vec![registered_verified(), asked_for_new_email()],
    ];
    for history in histories {
        given::<User>(history).when(abandon(EMAIL_CLAIM, Time(i64::MAX))).refused(&Error::NameInUse);
    }
}

#[test]
fn an_address_that_was_exchanged_for_another_is_never_lost() {
    given::<User>([registered(), asked_for_new_email(), CHANGED_EMAIL])
        .when(abandon(PENDING_CLAIM, Time(i64::MAX)))
        .refused(&Error::NameInUse);
}

#[test]
fn where_links_never_die_no_address_is_lost() {
    let command = Command::AbandonClaim { reservation: EMAIL_CLAIM, verify_ttl: Duration::MAX, at: NOW };
    given::<User>([registered()]).when(command).refused(&Error::NameInUse);
}

#[test]
fn an_address_that_was_asked_for_is_lost_when_its_own_link_is_dead() {
    let history = || [registered_verified(), asked_for_new_email()];
    given::<User>(history()).when(abandon(PENDING_CLAIM, last_moment(NOW))).refused(&Error::NameInUse);
    given::<User>(history())
        .when(abandon(PENDING_CLAIM, NOW + TTL))
        .then([lost_at(PENDING_CLAIM, NOW + TTL)]);
}

#[test]
fn the_old_address_has_the_time_of_its_own_link_while_another_is_asked_for() {
    given::<User>([registered(), asked_for_new_email()])
        .when(abandon(EMAIL_CLAIM, BORN + TTL))
        .then([lost_at(EMAIL_CLAIM, BORN + TTL)]);
}

#[test]
fn an_address_that_was_forgotten_with_a_reset_goes_to_anyone_at_once() {
    given::<User>([registered_verified(), asked_for_new_email(), password_reset()])
        .when(abandon(PENDING_CLAIM, NOW))
        .then([lost(PENDING_CLAIM)]);
}

#[test]
fn a_lost_address_counts_no_more_and_leaves_the_rest_as_it_was() {
    let before = account(&[registered(), asked_for_new_email()]);
    let after = account(&[registered(), asked_for_new_email(), lost(EMAIL_CLAIM)]);
    assert_eq!(after.email, None);
    assert!(!after.names_reservation(EMAIL_CLAIM));
    assert!(after.names_reservation(USERNAME_CLAIM));
    assert_eq!(after.pending_email, before.pending_email);
    assert_eq!(after.epoch, before.epoch);
}

#[test]
fn a_lost_pending_address_leaves_the_address_as_it_was() {
    let after = account(&[registered(), asked_for_new_email(), lost(PENDING_CLAIM)]);
    assert_eq!(after, account(&[registered()]));
}

#[test]
fn a_reservation_that_was_not_the_users_takes_nothing_from_him() {
    let after = account(&[registered(), asked_for_new_email(), lost(FOREIGN_CLAIM)]);
    assert_eq!(after, account(&[registered(), asked_for_new_email()]));
}

#[test]
fn a_user_names_the_reservations_of_all_that_he_holds_or_asked_for() {
    let account = account(&[registered(), asked_for_new_email()]);
    for reservation in [USERNAME_CLAIM, EMAIL_CLAIM, PENDING_CLAIM] {
        assert!(account.names_reservation(reservation));
    }
    assert!(!account.names_reservation(FOREIGN_CLAIM));
}
