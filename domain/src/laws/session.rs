//! What no thief and no worker can do to a session, in whatever order tokens come.

use proptest::prelude::*;

use super::{after, arbitrary::session, lived};
use crate::{
    Aggregate, Session, fold,
    session::{Command, Event, RevocationReason},
};

fn counter(state: &Session) -> Option<u32> {
    match state {
        Session::Unborn => None,
        Session::Live(live) | Session::Revoked(live, _) => Some(live.counter),
    }
}

proptest! {
    #[test]
    fn a_refresh_counter_never_goes_back_and_rises_by_one(
        commands in prop::collection::vec(session::command(), 0..40),
    ) {
        let mut state = Session::default();
        for command in &commands {
            let next = after(&state, command);
            let (before, now) = (counter(&state), counter(&next));
            if before.is_some() && before != now {
                prop_assert_eq!(now, before.and_then(|counter| counter.checked_add(1)));
            }
            state = next;
        }
    }

    #[test]
    fn whatever_is_decided_of_a_refresh_is_one_of_three(
        history in prop::collection::vec(session::event(), 0..8),
        refresh in session::refresh(),
    ) {
        let state = fold::<Session>(&history);
        let Ok(events) = state.decide(Command::Refresh(refresh.clone())) else { return Ok(()) };
        let live = state.live().unwrap();
        prop_assert!(refresh.at < live.until);
        prop_assert!(refresh.counter <= live.counter);
        match (events.as_slice(), refresh.next) {
            ([], next) if refresh.counter == live.counter => prop_assert_eq!(next, None),
            ([], _) => {
                let replaced_at = live.issue.as_ref().map_or(live.started_at, |issue| issue.iat);
                prop_assert_eq!(refresh.counter + 1, live.counter);
                prop_assert!(refresh.at.since(replaced_at) < refresh.grace);
            }
            ([Event::SessionRefreshed { counter, issue }], Some(next)) => {
                prop_assert_eq!(refresh.counter, live.counter);
                prop_assert_eq!(*counter, live.counter + 1);
                prop_assert_eq!(issue, &next);
            }
            ([Event::SessionRevoked { reason, at }], _) => {
                prop_assert!(refresh.counter < live.counter);
                prop_assert_eq!((*reason, *at), (RevocationReason::Reuse, refresh.at));
            }
            (events, _) => prop_assert!(false, "{events:?}"),
        }
    }

    #[test]
    fn a_token_that_was_refreshed_gets_the_same_child_again_or_ends_the_session(
        commands in prop::collection::vec(session::command(), 0..12),
        refresh in session::refresh(),
    ) {
        let (state, _) = lived::<Session>(&commands);
        let command = Command::Refresh(refresh);
        let once = after(&state, &command);
        let again = after(&once, &command);
        if again.live().is_some() {
            prop_assert_eq!(again, once);
        }
    }

    #[test]
    fn a_revoked_session_stays_revoked_for_its_reason_whatever_comes(
        events in prop::collection::vec(session::event(), 0..12),
        later in prop::collection::vec(session::event(), 0..12),
        command in session::command(),
    ) {
        let state = fold::<Session>(&events);
        prop_assume!(matches!(state, Session::Revoked(..)));
        prop_assert_eq!(after(&state, &command), state.clone());
        prop_assert_eq!(later.iter().fold(state.clone(), Session::evolve), state);
    }

    #[test]
    fn a_revocation_that_was_followed_leads_to_nothing_more(
        history in prop::collection::vec(session::event(), 0..8),
        command in session::revoke(),
    ) {
        let state = after(&fold::<Session>(&history), &command);
        prop_assert_eq!(state.live(), None);
        prop_assert_eq!(state.decide(command).unwrap_or_default(), vec![]);
    }

    #[test]
    fn user_epoch_and_end_of_a_session_never_change(
        history in prop::collection::vec(session::event(), 0..8),
        later in session::event(),
    ) {
        let state = fold::<Session>(&history);
        let terms = |state: &Session| match state {
            Session::Unborn => None,
            Session::Live(live) | Session::Revoked(live, _) => {
                Some((live.user, live.epoch, live.started_at, live.until))
            }
        };
        let before = terms(&state);
        prop_assume!(before.is_some());
        prop_assert_eq!(terms(&state.evolve(&later)), before);
    }
}
