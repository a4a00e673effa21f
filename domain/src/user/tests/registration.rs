//! Birth, and the registration that is fenced off before it.

use super::{ABANDONED, BORN, DISABLED, NOW, commands_for_the_registered, registered, registration};
use crate::{
    User, fold,
    given::given,
    user::{Command, Error, Event},
};

fn register() -> Command {
    Command::Register(Box::new(registration()))
}

const ABANDON: Command = Command::AbandonRegistration { at: BORN };

#[test]
fn a_user_is_registered() {
    given::<User>([]).when(register()).then([registered()]);
}

#[test]
fn a_registration_that_was_never_born_is_fenced_off() {
    given::<User>([]).when(ABANDON).then([ABANDONED]);
}

#[test]
fn a_fenced_registration_is_never_born() {
    given::<User>([ABANDONED]).when(register()).refused(&Error::Abandoned);
}

#[test]
fn a_registration_is_fenced_off_once() {
    given::<User>([ABANDONED]).when(ABANDON).then_nothing();
}

#[test]
fn a_fenced_registration_is_born_by_no_event() {
    assert_eq!(fold::<User>(&[ABANDONED, registered()]), User::Abandoned);
}

#[test]
fn a_user_is_registered_once() {
    given::<User>([registered()]).when(register()).refused(&Error::AlreadyRegistered);
    given::<User>([registered(), DISABLED]).when(register()).refused(&Error::AlreadyRegistered);
}

#[test]
fn a_user_that_was_born_is_not_fenced_off() {
    given::<User>([registered()]).when(ABANDON).refused(&Error::AlreadyRegistered);
    given::<User>([registered(), DISABLED]).when(ABANDON).refused(&Error::AlreadyRegistered);
}

#[test]
fn a_second_birth_leaves_the_first_as_it_was() {
    let other =
        Event::UserRegistered(crate::user::Registration { at: NOW, email_verified: true, ..registration() });
    assert_eq!(fold::<User>(&[registered(), other]), fold::<User>(&[registered()]));
}

#[test]
fn nobody_who_was_never_registered_takes_any_other_command() {
    for command in commands_for_the_registered() {
        given::<User>([]).when(command).refused(&Error::NotRegistered);
    }
}

#[test]
fn nobody_whose_registration_was_fenced_off_takes_any_other_command() {
    for command in commands_for_the_registered() {
        given::<User>([ABANDONED]).when(command).refused(&Error::NotRegistered);
    }
}

#[test]
fn a_user_is_born_active_in_epoch_zero_with_nothing_kept_or_pending() {
    let account = super::account(&[registered()]);
    assert!(account.active);
    assert_eq!((account.epoch, account.kept), (0, None));
    assert_eq!(account.pending_email, None);
    assert_eq!(account.registered_at, BORN);
    assert!(!account.email.unwrap().verified);
}

#[test]
fn an_address_that_was_vouched_for_is_verified_at_birth() {
    let account = super::account(&[super::registered_verified()]);
    assert!(account.email.unwrap().verified);
}

#[test]
fn nobody_has_an_account_before_birth() {
    assert_eq!(fold::<User>(&[]).account(), None);
    assert_eq!(fold::<User>(&[ABANDONED]).account(), None);
}
