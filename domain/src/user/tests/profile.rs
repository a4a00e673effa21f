//! Names: changed as a whole, by a session that is admitted, and never to a username that was not reserved.

use super::{
    DISABLED, ENABLED, FOREIGN_CLAIM, HERE, NOW, THERE, USERNAME_CLAIM, account, names, password_changed,
    password_reset, proof, registered,
};
use crate::{
    Private, ReservationId, User,
    given::given,
    user::{Command, Error, Event, Names, Proof, UpdateProfile},
};

fn update(proof: Proof, names: Private<Names>, claim: Option<ReservationId>) -> Command {
    Command::UpdateProfile(UpdateProfile { proof, names, claim, at: NOW })
}

/// Another username without a reservation; the same one in another case needs none.
pub(super) fn rename(proof: Proof, username: &str) -> Command {
    update(proof, names(username), None)
}

const fn updated(names: Private<Names>, username_claim: Option<ReservationId>) -> Event {
    Event::ProfileUpdated { names, username_claim, at: NOW }
}

fn called(first_name: &str) -> Private<Names> {
    let mut names = names("ada");
    names.value.as_mut().unwrap().first_name = first_name.into();
    names
}

#[test]
fn a_name_that_nobody_claims_is_changed() {
    given::<User>([registered()])
        .when(update(proof(0), called("Augusta"), None))
        .then([updated(called("Augusta"), None)]);
}

#[test]
fn names_that_stay_the_same_are_not_recorded() {
    given::<User>([registered()]).when(rename(proof(0), "ada")).then_nothing();
}

#[test]
fn a_username_in_another_case_needs_no_reservation() {
    given::<User>([registered()]).when(rename(proof(0), "ADA")).then([updated(names("ADA"), None)]);
}

#[test]
fn another_username_is_taken_with_its_reservation() {
    given::<User>([registered()])
        .when(update(proof(0), names("countess"), Some(FOREIGN_CLAIM)))
        .then([updated(names("countess"), Some(FOREIGN_CLAIM))]);
}

#[test]
fn another_username_without_a_reservation_is_refused() {
    given::<User>([registered()]).when(rename(proof(0), "countess")).refused(&Error::NameInUse);
}

#[test]
fn a_new_username_counts_and_the_old_one_no_longer() {
    let account = account(&[registered(), updated(names("countess"), Some(FOREIGN_CLAIM))]);
    assert!(account.names_reservation(FOREIGN_CLAIM));
    assert!(!account.names_reservation(USERNAME_CLAIM));
}

#[test]
fn a_username_in_another_case_keeps_its_reservation() {
    let account = account(&[registered(), updated(names("ADA"), None)]);
    assert!(account.names_reservation(USERNAME_CLAIM));
}

#[test]
fn a_disabled_user_changes_no_names() {
    given::<User>([registered(), DISABLED])
        .when(update(proof(1), called("Augusta"), None))
        .refused(&Error::Disabled);
    given::<User>([registered(), DISABLED]).when(rename(proof(1), "ada")).refused(&Error::Disabled);
}

#[test]
fn a_session_that_was_ended_changes_no_names() {
    for event in [password_changed(Some(THERE)), password_reset()] {
        given::<User>([registered(), event])
            .when(update(proof(0), called("Mallory"), None))
            .refused(&Error::SessionEnded);
    }
    given::<User>([registered(), DISABLED, ENABLED])
        .when(update(proof(0), called("Mallory"), None))
        .refused(&Error::SessionEnded);
}

#[test]
fn the_kept_session_still_changes_names() {
    given::<User>([registered(), password_changed(Some(HERE))])
        .when(update(proof(0), called("Augusta"), None))
        .then([updated(called("Augusta"), None)]);
}
