//! Disabled and enabled again, and which sessions are admitted after it.

use super::{
    DISABLED, ENABLED, HERE, NOW, THERE, account, asked_for_new_email, password_changed, registered,
};
use crate::{
    User,
    given::given,
    user::{Command, Error, Event},
};

const DISABLE: Command = Command::Disable { at: NOW };
const ENABLE: Command = Command::Enable { at: NOW };

#[test]
fn an_active_user_is_disabled() {
    given::<User>([registered()]).when(DISABLE).then([DISABLED]);
}

#[test]
fn a_disabled_user_is_disabled_once() {
    given::<User>([registered(), DISABLED]).when(DISABLE).then_nothing();
}

#[test]
fn a_disabled_user_is_enabled() {
    given::<User>([registered(), DISABLED]).when(ENABLE).then([ENABLED]);
}

#[test]
fn an_active_user_is_not_enabled_again() {
    given::<User>([registered()]).when(ENABLE).then_nothing();
    given::<User>([registered(), DISABLED, ENABLED]).when(ENABLE).then_nothing();
}

#[test]
fn an_enabled_user_can_be_disabled_again() {
    given::<User>([registered(), DISABLED, ENABLED]).when(DISABLE).then([DISABLED]);
}

#[test]
fn a_disabled_user_admits_no_session_at_all() {
    let account = account(&[registered(), password_changed(Some(HERE)), DISABLED]);
    for epoch in 0..4 {
        assert!(!account.admits(HERE, epoch));
        assert!(!account.admits(THERE, epoch));
    }
}

#[test]
fn sessions_from_before_a_disabling_stay_out_when_the_user_is_enabled() {
    let account = account(&[registered(), DISABLED, ENABLED]);
    assert!(!account.admits(HERE, 0));
    assert!(account.admits(HERE, 1));
}

#[test]
fn a_session_of_an_epoch_to_come_is_not_admitted() {
    let account = account(&[registered(), password_changed(Some(HERE))]);
    assert!(account.admits(THERE, 1));
    assert!(!account.admits(THERE, 2));
}

#[test]
fn a_kept_session_is_kept_no_longer_after_a_disabling() {
    let account = account(&[registered(), password_changed(Some(HERE)), DISABLED, ENABLED]);
    assert!(!account.admits(HERE, 0));
    assert!(!account.admits(HERE, 1));
}

#[test]
fn enabling_raises_no_epoch_because_disabling_did() {
    assert_eq!(account(&[registered()]).epoch, 0);
    assert_eq!(account(&[registered(), DISABLED]).epoch, 1);
    assert_eq!(account(&[registered(), DISABLED, ENABLED]).epoch, 1);
    assert_eq!(account(&[registered(), DISABLED, ENABLED, DISABLED]).epoch, 2);
}

#[test]
fn a_login_that_was_under_way_when_the_user_was_disabled_is_not_admitted_after_enabling() {
    let verified_against = account(&[registered()]).epoch;
    let account = account(&[registered(), DISABLED, ENABLED]);
    assert!(!account.admits(THERE, verified_against));
}

#[test]
fn an_address_asked_for_before_a_disabling_is_forgotten() {
    let history: [Event; 4] = [registered(), asked_for_new_email(), DISABLED, ENABLED];
    given::<User>(history).when(super::verify(super::NEW_EMAIL)).refused(&Error::ForeignAddress);
}
