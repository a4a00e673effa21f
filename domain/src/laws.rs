//! What holds of every rule, whatever the history and whatever the command: properties, tried on generated cases.

mod arbitrary;
mod index;
mod mail;
mod names;
mod session;
mod user;

use std::{fmt::Debug, panic::AssertUnwindSafe};

use proptest::{prelude::*, test_runner::TestCaseResult};

use crate::{Aggregate, fold};

/// A state that commands led to, one after another; those that were refused changed nothing.
fn lived<A: Aggregate>(commands: &[A::Command]) -> (A, Vec<A::Event>) {
    let mut state = A::default();
    let mut history = vec![];
    for command in commands {
        for event in state.decide(command.clone()).unwrap_or_default() {
            state = state.evolve(&event);
            history.push(event);
        }
    }
    (state, history)
}

/// What a command leads to; a refusal leads nowhere.
fn after<A: Aggregate>(state: &A, command: &A::Command) -> A {
    let events = state.decide(command.clone()).unwrap_or_default();
    events.iter().fold(state.clone(), A::evolve)
}

/// Any event in any state is taken, and any command in any state is answered.
fn is_total<A: Aggregate>(history: &[A::Event], command: A::Command) -> TestCaseResult {
    let answered = std::panic::catch_unwind(AssertUnwindSafe(|| fold::<A>(history).decide(command).is_ok()));
    prop_assert!(answered.is_ok());
    Ok(())
}

/// A decision changes nothing, and is the same each time.
fn decides_alike<A>(history: &[A::Event], command: &A::Command) -> TestCaseResult
where
    A: Aggregate<Event: PartialEq + Debug, Error: PartialEq> + PartialEq + Debug,
{
    let state = fold::<A>(history);
    let before = state.clone();
    let first = state.decide(command.clone());
    prop_assert_eq!(&state, &before);
    prop_assert_eq!(state.decide(command.clone()), first);
    Ok(())
}

/// A history can be folded in parts, and read back from what was stored of it.
fn folds_in_parts<A>(history: &[A::Event], cut: usize) -> TestCaseResult
where
    A: Aggregate + PartialEq + Debug,
{
    let whole = fold::<A>(history);
    let (head, tail) = history.split_at(cut.min(history.len()));
    prop_assert_eq!(&tail.iter().fold(fold::<A>(head), A::evolve), &whole);
    let stored: Vec<String> = history.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let read: Vec<A::Event> = stored.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    prop_assert_eq!(&fold::<A>(&read), &whole);
    Ok(())
}

macro_rules! laws_of {
    ($name:ident, $aggregate:ty, $event:expr, $command:expr) => {
        mod $name {
            use super::*;

            proptest! {
                #[test]
                fn any_event_and_any_command_is_taken_in_any_state(
                    history in prop::collection::vec($event, 0..12),
                    command in $command,
                ) {
                    is_total::<$aggregate>(&history, command)?;
                }

                #[test]
                fn a_decision_changes_nothing_and_is_the_same_each_time(
                    history in prop::collection::vec($event, 0..12),
                    command in $command,
                ) {
                    decides_alike::<$aggregate>(&history, &command)?;
                }

                #[test]
                fn a_history_is_folded_in_parts_and_read_back_as_it_was(
                    history in prop::collection::vec($event, 0..12),
                    cut in 0_usize..12,
                ) {
                    folds_in_parts::<$aggregate>(&history, cut)?;
                }

                #[test]
                fn what_commands_led_to_is_what_their_events_fold_to(
                    commands in prop::collection::vec($command, 0..24),
                ) {
                    let (state, history) = lived::<$aggregate>(&commands);
                    prop_assert_eq!(fold::<$aggregate>(&history), state);
                }
            }
        }
    };
}

laws_of!(of_a_user, crate::User, arbitrary::user::event(), arbitrary::user::command());
laws_of!(of_a_session, crate::Session, arbitrary::session::event(), arbitrary::session::command());
laws_of!(of_a_mail, crate::Mail, arbitrary::mail_event(), arbitrary::mail_command());
laws_of!(of_a_claim, crate::Claim, arbitrary::claim_event(), arbitrary::claim_command());
laws_of!(of_a_login_record, crate::LoginRecord, arbitrary::login_event(), arbitrary::login_command());
