//! The model by itself, without a server.

use super::*;

const fn name(which: usize, spelling: usize) -> Name {
    Name { which, spelling }
}

const fn register(username: usize, email: usize) -> Call {
    Call::Register { username: name(username, 0), email: name(email, 0), password: 0 }
}

fn after(calls: &[Call]) -> State {
    let mut state = State::default();
    for (number, call) in calls.iter().enumerate() {
        assert_eq!(state.take(number, *call), Answer::Done, "{call:?}");
    }
    state
}

#[test]
fn sequences_model_gives_a_name_to_one_however_it_is_spelled() {
    let mut state = after(&[register(0, 0)]);
    let same = Call::Register { username: name(0, 1), email: name(1, 0), password: 0 };
    assert_eq!(state.take(1, same), Answer::Refused);
    assert_eq!(state.take(2, register(1, 1)), Answer::Done);
}

#[test]
fn sequences_model_ends_other_sessions_and_older_links_with_a_new_password() {
    let log_in = Call::LogIn { by: Identity::Email(name(0, 1)), password: 0 };
    let ask = Call::AskForReset { email: name(0, 0) };
    let mut state = after(&[register(0, 0), log_in, ask, Call::ChangePassword { session: 1, to: 1 }]);
    assert_eq!(state.take(4, Call::VerifyAccess { session: 0 }), Answer::Refused);
    assert_eq!(state.take(5, Call::VerifyAccess { session: 1 }), Answer::Done);
    assert_eq!(state.take(6, Call::Reset { email: name(0, 0), mail: 0, to: 0 }), Answer::Refused);
    assert_eq!(state.take(7, log_in), Answer::Refused);
}

#[test]
fn sequences_model_ends_a_session_whose_replaced_token_comes_back() {
    let refresh = Call::Refresh { session: 0, generation: 0 };
    let mut state = after(&[register(0, 0), refresh]);
    assert_eq!(state.take(2, refresh), Answer::Refused);
    assert_eq!(state.take(3, Call::VerifyRefresh { session: 0, generation: 1 }), Answer::Refused);
}

#[test]
fn sequences_model_explains_calls_at_once_by_an_order_of_them_and_nothing_else() {
    let states = BTreeSet::from([State::default()]);
    let (first, second) = (register(0, 0), register(0, 1));
    let one_each = |a, b| explain(&states, &[(0, first, a), (1, second, b)]).len();
    assert_eq!(one_each(Answer::Done, Answer::Refused), 1);
    assert_eq!(one_each(Answer::Refused, Answer::Done), 1);
    assert_eq!(one_each(Answer::Done, Answer::Done), 0);
    assert_eq!(one_each(Answer::Refused, Answer::Refused), 0);
}

#[test]
fn sequences_model_exchanges_an_address_when_the_newest_wish_is_answered() {
    let ask = |to| Call::ChangeEmail { session: 0, to: name(to, 0), password: 0 };
    let verify = |email| Call::VerifyEmail { email: name(email, 1), mail: 0 };
    let mut state = after(&[register(0, 0), ask(1), ask(2)]);
    assert_eq!(state.take(3, register(1, 2)), Answer::Refused);
    assert_eq!(state.take(3, verify(1)), Answer::Refused);
    assert_eq!(state.take(3, Call::ShowUser { session: 0 }), Answer::User { username: name(0, 0), email: 0 });
    assert_eq!(state.take(3, verify(2)), Answer::Done);
    assert_eq!(state.take(4, Call::ShowUser { session: 0 }), Answer::User { username: name(0, 0), email: 2 });
    assert_eq!(state.take(5, verify(0)), Answer::Refused);
    assert_eq!(state.take(6, register(1, 0)), Answer::Done);
}

#[test]
fn sequences_model_ends_a_session_for_the_same_user_alone() {
    let log_in = Call::LogIn { by: Identity::Email(name(0, 1)), password: 0 };
    let mut state = after(&[register(0, 0), log_in, register(1, 1)]);
    assert_eq!(state.take(3, Call::EndOne { session: 2, other: 1 }), Answer::Refused);
    assert_eq!(state.take(3, Call::EndOne { session: 0, other: 1 }), Answer::Done);
    assert_eq!(state.take(4, Call::VerifyAccess { session: 1 }), Answer::Refused);
}
