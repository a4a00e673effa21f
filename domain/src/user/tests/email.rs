//! Addresses: verified by the link, asked for, exchanged. An address that was merely asked for is not the user's yet.

use std::time::Duration;

use super::{
    CHANGED_EMAIL, DISABLED, EMAIL_CLAIM, ENABLED, HERE, NEW_EMAIL, NOW, OLD_EMAIL, PENDING_CLAIM, THERE,
    VERIFIED, account, asked_for_new_email, email, lost, password_changed, password_reset, proof, registered,
    registered_verified, verify,
};
use crate::{
    Private, User,
    given::given,
    user::{Account, Command, Error, Event, Proof},
};

pub(super) fn ask_for_new_email(proof: Proof) -> Command {
    Command::RequestEmailChange { proof, email: email(NEW_EMAIL), reservation: PENDING_CLAIM, at: NOW }
}

#[test]
fn an_address_is_verified_by_its_link() {
    given::<User>([registered()]).when(verify(OLD_EMAIL)).then([VERIFIED]);
}

#[test]
fn an_address_is_verified_in_whatever_case_it_is_written() {
    given::<User>([registered()]).when(verify("ADA@Example.ORG")).then([VERIFIED]);
}

#[test]
fn an_address_is_verified_once() {
    given::<User>([registered(), VERIFIED]).when(verify(OLD_EMAIL)).refused(&Error::AlreadyVerified);
    given::<User>([registered_verified()]).when(verify(OLD_EMAIL)).refused(&Error::AlreadyVerified);
}

#[test]
fn an_address_that_is_not_the_users_is_not_verified() {
    given::<User>([registered()]).when(verify("mallory@example.org")).refused(&Error::ForeignAddress);
}

#[test]
fn a_disabled_user_verifies_nothing() {
    for address in [OLD_EMAIL, NEW_EMAIL, "mallory@example.org"] {
        given::<User>([registered(), asked_for_new_email(), DISABLED])
            .when(verify(address))
            .refused(&Error::Disabled);
    }
    given::<User>([registered_verified(), DISABLED]).when(verify(OLD_EMAIL)).refused(&Error::Disabled);
}

#[test]
fn an_address_that_was_lost_to_another_is_not_verified() {
    given::<User>([registered(), lost(EMAIL_CLAIM)]).when(verify(OLD_EMAIL)).refused(&Error::ForeignAddress);
    given::<User>([registered(), asked_for_new_email(), lost(PENDING_CLAIM)])
        .when(verify(NEW_EMAIL))
        .refused(&Error::ForeignAddress);
}

#[test]
fn a_shredded_address_is_verified_by_no_link() {
    let shredded = Event::UserRegistered(crate::user::Registration {
        email: Some(Private { value: None, ..email(OLD_EMAIL) }),
        ..super::registration()
    });
    given::<User>([shredded]).when(verify(OLD_EMAIL)).refused(&Error::ForeignAddress);
}

#[test]
fn another_address_is_asked_for() {
    given::<User>([registered()]).when(ask_for_new_email(proof(0))).then([asked_for_new_email()]);
    given::<User>([registered(), lost(EMAIL_CLAIM)])
        .when(ask_for_new_email(proof(0)))
        .then([asked_for_new_email()]);
}

#[test]
fn a_disabled_user_asks_for_no_address() {
    given::<User>([registered(), DISABLED]).when(ask_for_new_email(proof(1))).refused(&Error::Disabled);
}

#[test]
fn a_session_that_was_ended_asks_for_no_address() {
    for event in [password_changed(Some(THERE)), password_reset()] {
        given::<User>([registered(), event]).when(ask_for_new_email(proof(0))).refused(&Error::SessionEnded);
    }
    given::<User>([registered(), DISABLED, ENABLED])
        .when(ask_for_new_email(proof(0)))
        .refused(&Error::SessionEnded);
}

#[test]
fn the_kept_session_asks_for_another_address() {
    given::<User>([registered(), password_changed(Some(HERE))])
        .when(ask_for_new_email(proof(0)))
        .then([asked_for_new_email()]);
}

#[test]
fn an_address_that_was_asked_for_changes_nothing_before_its_link_is_opened() {
    let account = account(&[registered_verified(), asked_for_new_email()]);
    assert!(account.has_email(OLD_EMAIL));
    assert!(!account.has_email(NEW_EMAIL));
    assert!(account.email.unwrap().verified);
}

#[test]
fn an_address_that_was_asked_for_takes_the_place_of_the_old_one_by_its_link() {
    given::<User>([registered_verified(), asked_for_new_email()])
        .when(verify(NEW_EMAIL))
        .then([CHANGED_EMAIL]);
}

#[test]
fn the_old_address_can_still_be_verified_while_another_is_asked_for() {
    given::<User>([registered(), asked_for_new_email()]).when(verify(OLD_EMAIL)).then([VERIFIED]);
}

#[test]
fn a_new_address_is_verified_and_the_old_one_is_the_users_no_longer() {
    let history = [registered(), asked_for_new_email(), CHANGED_EMAIL];
    let account = account(&history);
    assert!(account.has_email(NEW_EMAIL));
    assert!(!account.has_email(OLD_EMAIL));
    assert!(account.names_reservation(PENDING_CLAIM));
    assert!(!account.names_reservation(EMAIL_CLAIM));
    assert_eq!(account.pending_email, None);
    given::<User>(history.clone()).when(verify(NEW_EMAIL)).refused(&Error::AlreadyVerified);
    given::<User>(history).when(verify(OLD_EMAIL)).refused(&Error::ForeignAddress);
}

#[test]
fn the_last_address_asked_for_is_the_only_one_that_counts() {
    let third = Event::EmailChangeRequested {
        email: email("third@example.org"),
        reservation: super::FOREIGN_CLAIM,
        at: NOW,
    };
    let history = [registered(), asked_for_new_email(), third];
    assert!(!account(&history).names_reservation(PENDING_CLAIM));
    given::<User>(history.clone()).when(verify(NEW_EMAIL)).refused(&Error::ForeignAddress);
    given::<User>(history).when(verify("third@example.org")).then([CHANGED_EMAIL]);
}

#[test]
fn a_change_of_address_ends_no_session() {
    let account = account(&[registered(), asked_for_new_email(), CHANGED_EMAIL]);
    assert!(account.admits(HERE, 0));
}

#[test]
fn a_change_of_address_that_nobody_asked_for_changes_nothing() {
    assert_eq!(account(&[registered(), CHANGED_EMAIL]), account(&[registered()]));
}

#[test]
fn asking_for_the_same_address_again_does_not_keep_it_from_others_for_longer() {
    let again = Event::EmailChangeRequested {
        email: email(NEW_EMAIL),
        reservation: PENDING_CLAIM,
        at: NOW + Duration::from_hours(1),
    };
    let once = account(&[registered(), asked_for_new_email()]);
    let twice = account(&[registered(), asked_for_new_email(), again]);
    let since = |account: &Account| account.pending_email.as_ref().map(|pending| pending.since);
    assert_eq!(since(&once), since(&twice));
}
