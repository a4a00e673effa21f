//! Names held, and failed logins counted: what no sequence of commands brings about.

use proptest::prelude::*;

use super::{after, arbitrary, lived};
use crate::{
    Aggregate, Claim, LoginRecord, Time,
    claim::{Command, Event},
    fold,
    login::{self, RECORDED_ONE_BY_ONE},
};

proptest! {
    #[test]
    fn a_name_goes_from_one_to_another_only_by_naming_what_is_taken_over(
        history in prop::collection::vec(arbitrary::claim_event(), 0..8),
        command in arbitrary::claim_command(),
    ) {
        let before = fold::<Claim>(&history);
        let after = after(&before, &command);
        match (before, after) {
            (Claim::Held(held), Claim::Held(next)) if held != next => {
                prop_assert_eq!(command, Command::TakeOver { from: held.reservation, next });
            }
            (Claim::Held(held), Claim::Free) => {
                prop_assert_eq!(command, Command::Release(held.reservation));
            }
            (Claim::Free, Claim::Held(next)) => {
                let claimed = command == Command::Claim(next);
                let taken = matches!(command, Command::TakeOver { next: taken, .. } if taken == next);
                prop_assert!(claimed || taken);
            }
            (Claim::Free, Claim::Free) | (Claim::Held(_), Claim::Held(_)) => {}
        }
    }

    #[test]
    fn between_two_holdings_the_first_is_released(
        commands in prop::collection::vec(arbitrary::claim_command(), 0..24),
    ) {
        let mut held = None;
        for event in lived::<Claim>(&commands).1 {
            held = match event {
                Event::Claimed(holding) => {
                    prop_assert_eq!(held, None);
                    Some(holding.reservation)
                }
                Event::Released { reservation } => {
                    prop_assert_eq!(held, Some(reservation));
                    None
                }
            };
        }
    }

    #[test]
    fn a_claim_or_a_release_that_was_followed_leads_to_nothing_more(
        history in prop::collection::vec(arbitrary::claim_event(), 0..8),
        command in arbitrary::claim_command(),
    ) {
        prop_assume!(!matches!(command, Command::TakeOver { .. }));
        let state = after(&fold::<Claim>(&history), &command);
        prop_assert_eq!(state.decide(command).unwrap_or_default(), vec![]);
    }

    #[test]
    fn failures_of_an_hour_leave_ten_events_and_one_for_each_doubling(
        counts in prop::collection::vec(1_u32..5000, 0..200),
        late in prop::collection::vec(any::<bool>(), 200),
    ) {
        let hour = |late: bool| Time::from_seconds(if late { 3600 } else { 7200 });
        let commands: Vec<login::Command> = counts
            .iter()
            .zip(late)
            .map(|(count, late)| login::Command::RecordFailure { at: hour(late), count: *count })
            .collect();
        let (_, history) = lived::<LoginRecord>(&commands);
        let doublings = usize::try_from((5000 / RECORDED_ONE_BY_ONE).ilog2()).unwrap() + 1;
        let one_hour = usize::try_from(RECORDED_ONE_BY_ONE).unwrap() + doublings;
        prop_assert!(history.len() <= 2 * one_hour, "{history:?}");
    }

    #[test]
    fn a_failure_is_recorded_once(
        history in prop::collection::vec(arbitrary::login_event(), 0..8),
        command in arbitrary::login_command(),
    ) {
        let state = after(&fold::<LoginRecord>(&history), &command);
        prop_assert_eq!(state.decide(command), Ok(vec![]));
    }
}
