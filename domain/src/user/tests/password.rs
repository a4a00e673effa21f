//! Passwords: changed by their owner, reset by whoever holds the link, hashed anew; and whom each of these shuts out.

use uuid::Uuid;

use super::{
    DISABLED, ENABLED, HERE, NEW_EMAIL, NOW, PK, THERE, account, asked_for_new_email, password,
    password_changed, password_reset, proof, registered, verify,
};
use crate::{
    KeyId, User,
    given::given,
    user::{ChangePassword, Command, Error, Event, Proof},
};

pub(super) fn change(proof: Proof, keep_session: bool) -> Command {
    Command::ChangePassword(ChangePassword { proof, password: password(2), keep_session, at: NOW })
}

pub(super) fn reset(epoch: u32) -> Command {
    Command::ResetPassword { epoch, password: password(2), at: NOW }
}

/// The hash 3 in the place of this one.
pub(super) fn rehash(replaces: u128) -> Command {
    Command::RehashPassword {
        replaces: KeyId::of_password(PK, Uuid::from_u128(replaces)),
        password: password(3),
        at: NOW,
    }
}

fn rehashed() -> Event {
    Event::PasswordRehashed { password: password(3), at: NOW }
}

#[test]
fn a_changed_password_keeps_the_session_that_changed_it() {
    given::<User>([registered()]).when(change(proof(0), true)).then([password_changed(Some(HERE))]);
}

#[test]
fn a_changed_password_keeps_no_session_where_that_was_not_asked() {
    given::<User>([registered()]).when(change(proof(0), false)).then([password_changed(None)]);
}

#[test]
fn a_disabled_user_changes_no_password() {
    given::<User>([registered(), DISABLED]).when(change(proof(1), true)).refused(&Error::Disabled);
}

#[test]
fn a_session_that_was_ended_changes_no_password() {
    for event in [password_changed(Some(THERE)), password_changed(None), password_reset()] {
        given::<User>([registered(), event]).when(change(proof(0), true)).refused(&Error::SessionEnded);
    }
    given::<User>([registered(), DISABLED, ENABLED])
        .when(change(proof(0), true))
        .refused(&Error::SessionEnded);
}

#[test]
fn the_kept_session_changes_the_password_again_and_stays_kept() {
    given::<User>([registered(), password_changed(Some(HERE))])
        .when(change(proof(0), true))
        .then([password_changed(Some(HERE))]);
}

#[test]
fn after_a_change_only_the_kept_session_and_new_ones_are_admitted() {
    let account = account(&[registered(), password_changed(Some(HERE))]);
    assert!(account.admits(HERE, 0));
    assert!(!account.admits(THERE, 0));
    assert!(account.admits(THERE, 1));
}

#[test]
fn a_session_that_was_kept_once_is_not_kept_by_the_next_change_of_another() {
    let history = [registered(), password_changed(Some(HERE)), password_changed(Some(THERE))];
    let account = account(&history);
    assert!(!account.admits(HERE, 0));
    assert!(account.admits(THERE, 1));
}

#[test]
fn a_password_is_reset_by_a_link_of_the_current_epoch() {
    given::<User>([registered()]).when(reset(0)).then([password_reset()]);
    given::<User>([registered(), password_changed(None)]).when(reset(1)).then([password_reset()]);
}

#[test]
fn a_reset_link_is_spent_by_its_use_and_by_any_newer_password() {
    for event in [password_reset(), password_changed(Some(HERE)), password_changed(None)] {
        given::<User>([registered(), event]).when(reset(0)).refused(&Error::LinkSpent);
    }
}

#[test]
fn a_reset_link_from_before_a_disabling_is_spent() {
    given::<User>([registered(), DISABLED, ENABLED]).when(reset(0)).refused(&Error::LinkSpent);
}

#[test]
fn a_reset_link_of_an_epoch_to_come_is_worthless() {
    given::<User>([registered()]).when(reset(1)).refused(&Error::LinkSpent);
}

#[test]
fn a_disabled_user_resets_no_password() {
    for epoch in 0..2 {
        given::<User>([registered(), DISABLED]).when(reset(epoch)).refused(&Error::Disabled);
    }
}

#[test]
fn a_reset_keeps_no_session_not_even_the_one_kept_before() {
    let account = account(&[registered(), password_changed(Some(HERE)), password_reset()]);
    for epoch in [0, 1] {
        assert!(!account.admits(HERE, epoch));
    }
    assert!(account.admits(HERE, 2));
}

#[test]
fn an_address_that_a_shut_out_session_asked_for_is_forgotten() {
    for event in [password_reset(), password_changed(Some(HERE)), password_changed(None)] {
        given::<User>([registered(), asked_for_new_email(), event])
            .when(verify(NEW_EMAIL))
            .refused(&Error::ForeignAddress);
    }
}

#[test]
fn a_new_hash_takes_the_place_of_the_one_it_was_verified_against() {
    given::<User>([registered()]).when(rehash(1)).then([rehashed()]);
    assert_eq!(account(&[registered(), rehashed()]).password, Some(password(3)));
}

#[test]
fn a_new_hash_of_a_password_that_was_replaced_meanwhile_is_dropped() {
    for event in [password_changed(None), password_reset(), rehashed()] {
        given::<User>([registered(), event]).when(rehash(1)).then_nothing();
    }
}

#[test]
fn a_new_hash_of_a_disabled_users_password_lets_nobody_in() {
    given::<User>([registered(), DISABLED]).when(rehash(1)).then([rehashed()]);
    let account = account(&[registered(), DISABLED, rehashed()]);
    assert!(!account.admits(HERE, account.epoch));
}

#[test]
fn a_new_hash_ends_no_session_and_kills_no_link() {
    let account = account(&[registered(), password_changed(Some(HERE)), rehashed()]);
    assert_eq!((account.epoch, account.kept), (1, Some(HERE)));
}

#[test]
fn the_newest_password_is_the_one_that_counts() {
    assert_eq!(account(&[registered()]).password, Some(password(1)));
    assert_eq!(account(&[registered(), password_changed(None)]).password, Some(password(2)));
    assert_eq!(account(&[registered(), password_reset()]).password, Some(password(2)));
}
