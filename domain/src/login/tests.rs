//! Which failed logins are worth an event: the first of an hour, then only each doubling.

use super::{Command, Event, LoginRecord, RECORDED_ONE_BY_ONE};
use crate::{Aggregate, Time, given::given};

const HOUR: i64 = 3600;
const NOON: Time = Time::from_seconds(500_000 * HOUR);
const ONE: Time = Time::from_seconds(500_001 * HOUR);

const fn failed(at: Time, count: u32) -> Event {
    Event::LoginFailed { at, count }
}

const fn record(at: Time, count: u32) -> Command {
    Command::RecordFailure { at, count }
}

/// The counts that are recorded of these failures, which come one after another.
fn recorded(failures: impl IntoIterator<Item = (Time, u32)>) -> Vec<u32> {
    let mut state = LoginRecord::default();
    let mut counts = vec![];
    for (at, count) in failures {
        for event in state.decide(record(at, count)).unwrap() {
            state = state.evolve(&event);
            counts.push(count);
        }
    }
    counts
}

#[test]
fn the_first_failure_is_recorded() {
    given::<LoginRecord>([]).when(record(NOON, 1)).then([failed(NOON, 1)]);
}

#[test]
fn each_of_the_first_ten_is_recorded() {
    let last = failed(NOON, RECORDED_ONE_BY_ONE - 1);
    given::<LoginRecord>([last])
        .when(record(NOON, RECORDED_ONE_BY_ONE))
        .then([failed(NOON, RECORDED_ONE_BY_ONE)]);
}

#[test]
fn after_ten_only_each_doubling_is_recorded() {
    given::<LoginRecord>([failed(NOON, 10)]).when(record(NOON, 11)).then_nothing();
    given::<LoginRecord>([failed(NOON, 10)]).when(record(NOON, 19)).then_nothing();
    given::<LoginRecord>([failed(NOON, 10)]).when(record(NOON, 20)).then([failed(NOON, 20)]);
}

#[test]
fn a_count_that_is_recorded_already_is_not_recorded_again() {
    given::<LoginRecord>([failed(NOON, 5)]).when(record(NOON, 5)).then_nothing();
    given::<LoginRecord>([failed(NOON, 5)]).when(record(NOON, 4)).then_nothing();
}

#[test]
fn the_next_hour_begins_anew() {
    given::<LoginRecord>([failed(NOON, 640)]).when(record(ONE, 1)).then([failed(ONE, 1)]);
}

#[test]
fn the_last_second_of_an_hour_still_belongs_to_it() {
    let last = Time::from_seconds(NOON.seconds() + HOUR - 1);
    given::<LoginRecord>([failed(NOON, 640)]).when(record(last, 641)).then_nothing();
}

#[test]
fn a_thousand_failures_in_an_hour_leave_seventeen_events() {
    let counts = recorded((1..=1280).map(|count| (NOON, count)));
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 40, 80, 160, 320, 640, 1280]);
}

#[test]
fn two_nodes_whose_clocks_stand_on_either_side_of_the_hour_do_not_lengthen_the_log() {
    let before = (101..1101).map(|count| (NOON, count));
    let after = (1..1001).map(|count| (ONE, count));
    let counts = recorded(after.zip(before).flat_map(|(one, other)| [one, other]));
    assert!(counts.len() <= 17, "{counts:?}");
}
