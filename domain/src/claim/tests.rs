//! What may happen to a name, command by command, while it is free and while it is held.

use uuid::Uuid;

use super::{Claim, Command, Error, Event, Holding};
use crate::{ReservationId, Time, UserId, fold, given::given};

const ADA: Holding =
    Holding { holder: UserId(1), reservation: ReservationId(Uuid::from_u128(1)), at: Time(10) };
const BOB: Holding =
    Holding { holder: UserId(2), reservation: ReservationId(Uuid::from_u128(2)), at: Time(20) };

fn held_by(holding: Holding) -> [Event; 1] {
    [Event::Claimed(holding)]
}

fn released(holding: Holding) -> Event {
    Event::Released { reservation: holding.reservation }
}

#[test]
fn a_free_name_is_claimed() {
    given::<Claim>([]).when(Command::Claim(ADA)).then([Event::Claimed(ADA)]);
}

#[test]
fn a_name_that_became_free_before_it_could_be_taken_over_is_claimed() {
    let command = Command::TakeOver { from: ADA.reservation, next: BOB };
    given::<Claim>([]).when(command).then([Event::Claimed(BOB)]);
}

#[test]
fn a_free_name_has_nothing_to_release() {
    given::<Claim>([]).when(Command::Release(ADA.reservation)).then_nothing();
}

#[test]
fn a_held_name_is_not_claimed_by_another() {
    given::<Claim>(held_by(ADA)).when(Command::Claim(BOB)).refused(&Error::Held);
}

#[test]
fn the_same_claim_again_is_one_claim() {
    given::<Claim>(held_by(ADA)).when(Command::Claim(ADA)).then_nothing();
}

#[test]
fn the_holder_does_not_claim_his_name_a_second_time_under_another_reservation() {
    let again = Holding { reservation: BOB.reservation, ..ADA };
    given::<Claim>(held_by(ADA)).when(Command::Claim(again)).refused(&Error::Held);
}

#[test]
fn a_reservation_is_not_handed_to_another_holder_by_naming_it() {
    let stolen = Holding { holder: BOB.holder, ..ADA };
    given::<Claim>(held_by(ADA)).when(Command::Claim(stolen)).refused(&Error::Held);
}

#[test]
fn a_holding_is_taken_over_by_whoever_names_it() {
    let command = Command::TakeOver { from: ADA.reservation, next: BOB };
    given::<Claim>(held_by(ADA)).when(command).then([released(ADA), Event::Claimed(BOB)]);
}

#[test]
fn a_holding_that_came_after_the_one_found_is_not_taken_over() {
    let next = Holding { holder: UserId(3), reservation: ReservationId(Uuid::from_u128(3)), at: Time(30) };
    let command = Command::TakeOver { from: ADA.reservation, next };
    given::<Claim>([Event::Claimed(ADA), released(ADA), Event::Claimed(BOB)])
        .when(command)
        .refused(&Error::Held);
}

#[test]
fn a_holding_is_released_by_its_reservation() {
    given::<Claim>(held_by(ADA)).when(Command::Release(ADA.reservation)).then([released(ADA)]);
}

#[test]
fn another_reservation_releases_nothing() {
    given::<Claim>(held_by(ADA)).when(Command::Release(BOB.reservation)).then_nothing();
}

#[test]
fn a_released_name_is_free_for_anyone() {
    given::<Claim>([Event::Claimed(ADA), released(ADA)])
        .when(Command::Claim(BOB))
        .then([Event::Claimed(BOB)]);
}

#[test]
fn a_late_word_of_release_does_not_free_the_next_holding() {
    let history = [Event::Claimed(ADA), Event::Claimed(BOB), released(ADA)];
    assert_eq!(fold::<Claim>(&history), Claim::Held(BOB));
}
