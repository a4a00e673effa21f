//! What no order of events and commands brings about: a session that comes back, an address that is stolen.

use proptest::prelude::*;

use super::{after, arbitrary, arbitrary::user};
use crate::{
    Aggregate, Time, User, fold,
    user::{Account, Command, Error, Event, Linked},
};

fn account(state: &User) -> &Account {
    state.account().unwrap()
}

const fn ends_sessions(event: &Event) -> bool {
    matches!(event, Event::PasswordChanged { .. } | Event::PasswordReset { .. } | Event::UserDisabled { .. })
}

proptest! {
    #[test]
    fn the_epoch_rises_with_what_ends_sessions_and_with_nothing_else(
        state in user::registered(),
        event in user::event(),
    ) {
        let before = account(&state).epoch;
        let rise = u32::from(ends_sessions(&event));
        prop_assert_eq!(account(&state.evolve(&event)).epoch, before + rise);
    }

    #[test]
    fn after_a_change_of_password_only_the_kept_and_those_of_the_new_epoch_are_admitted(
        state in user::registered(),
        kept in prop::option::of(arbitrary::session_id()),
        session in arbitrary::session_id(),
        epoch in arbitrary::epoch(),
    ) {
        let password = user::some_password();
        let after = state.evolve(&Event::PasswordChanged { password, kept, at: Time(0) });
        let account = account(&after);
        let right = kept == Some(session) || epoch == account.epoch;
        prop_assert_eq!(account.admits(session, epoch), account.active && right);
    }

    #[test]
    fn a_session_from_before_a_reset_or_a_disabling_is_never_admitted_again(
        state in user::registered(),
        later in prop::collection::vec(user::later_event(), 0..10),
        session in arbitrary::session_id(),
        disabled in any::<bool>(),
    ) {
        let old = account(&state).epoch;
        let password = user::some_password();
        let at = Time(0);
        let end = if disabled { Event::UserDisabled { at } } else { Event::PasswordReset { password, at } };
        let mut state = state.evolve(&end);
        for event in later {
            let keeps_it = matches!(event, Event::PasswordChanged { kept, .. } if kept == Some(session));
            if keeps_it {
                break;
            }
            state = state.evolve(&event);
            prop_assert!(!account(&state).admits(session, old));
        }
    }

    #[test]
    fn only_a_session_that_is_admitted_can_be_kept(state in user::registered(), command in user::command()) {
        let Command::ChangePassword(change) = &command else { return Ok(()) };
        let admitted = account(&state).admits(change.proof.session, change.proof.epoch);
        prop_assert_eq!(state.decide(command.clone()).is_ok(), admitted);
    }

    #[test]
    fn a_command_that_ends_or_settles_something_leads_to_nothing_more(
        history in prop::collection::vec(user::event(), 0..10),
        command in user::command(),
    ) {
        let state = fold::<User>(&history);
        let settles = match &command {
            Command::Register(_)
            | Command::SignUp(..)
            | Command::AbandonRegistration { .. }
            | Command::UnlinkSocialAccount(_)
            | Command::ResetPassword { .. }
            | Command::VerifyEmail { .. }
            | Command::Disable { .. }
            | Command::Enable { .. } => true,
            Command::RehashPassword { replaces, password, .. } => password.key != *replaces,
            Command::UpdateProfile(update) => update.claim.is_none(),
            Command::AbandonClaim { .. }
            | Command::RequestEmailChange { .. }
            | Command::LinkSocialAccount { .. }
            | Command::ChangePassword(_) => false,
        };
        prop_assume!(settles);
        let once = after(&state, &command);
        prop_assert_eq!(once.decide(command).unwrap_or_default(), vec![]);
    }

    #[test]
    fn a_disabled_user_is_given_only_what_concerns_his_standing_his_claims_and_his_hash(
        state in user::registered(),
        command in user::command(),
    ) {
        let state = state.evolve(&Event::UserDisabled { at: Time(0) });
        for event in state.decide(command).unwrap_or_default() {
            let allowed = matches!(
                event,
                Event::UserEnabled { .. } | Event::ClaimAbandoned { .. } | Event::PasswordRehashed { .. }
            );
            prop_assert!(allowed, "{:?}", event);
        }
    }

    #[test]
    fn an_address_asked_for_does_not_outlive_the_sessions_it_was_asked_through(
        state in user::registered(),
        event in user::later_event(),
        address in arbitrary::address(),
    ) {
        prop_assume!(ends_sessions(&event));
        let state = state.evolve(&event).evolve(&Event::UserEnabled { at: Time(0) });
        let own = account(&state).has_email(&address);
        let verified = state.decide(Command::VerifyEmail { address, at: Time(0) });
        prop_assert_ne!(&verified, &Ok(vec![Event::EmailChanged { at: Time(0) }]));
        prop_assert_eq!(verified == Err(Error::ForeignAddress), !own);
    }

    #[test]
    fn a_claim_that_was_given_up_counts_no_more_and_others_still_do(
        state in user::registered(),
        reservation in arbitrary::reservation(),
        other in arbitrary::reservation(),
        ttl in arbitrary::span(),
        at in arbitrary::time(),
    ) {
        let command = Command::AbandonClaim { reservation, verify_ttl: ttl, at };
        let Ok(events) = state.decide(command) else { return Ok(()) };
        let counted = account(&state).names_reservation(other);
        // No plan makes one reservation for two names, but arbitrary events may.
        let linked = account(&state).linked.iter().any(|linked| linked.account.claim == reservation);
        let shared = linked || account(&state).username_claim == reservation;
        let after = events.iter().fold(state, User::evolve);
        prop_assert!(shared || !account(&after).names_reservation(reservation));
        prop_assert!(other == reservation || account(&after).names_reservation(other) == counted);
    }

    #[test]
    fn a_verified_address_and_a_username_are_never_given_up(
        state in user::registered(),
        ttl in arbitrary::span(),
        at in arbitrary::time(),
    ) {
        let held = account(&state);
        let verified = held.email.as_ref().filter(|address| address.verified).map(|address| address.claim);
        let pending = held.pending_email.as_ref().map(|pending| pending.claim);
        for reservation in verified.into_iter().chain([held.username_claim]) {
            let distinct = pending != Some(reservation)
                && held.email.as_ref().is_none_or(|address| address.verified || address.claim != reservation);
            let command = Command::AbandonClaim { reservation, verify_ttl: ttl, at };
            prop_assert!(!distinct || state.decide(command) == Err(Error::NameInUse));
        }
    }

    #[test]
    fn whoever_had_a_way_in_still_has_one_after_he_unlinked(
        state in user::registered(),
        command in user::command(),
    ) {
        let Command::UnlinkSocialAccount(unlink) = &command else { return Ok(()) };
        let ways = |state: &User| {
            let open = |linked: &Linked| unlink.offered.contains(&linked.account.provider);
            account(state).password.is_some() || account(state).linked.iter().any(open)
        };
        let after = after(&state, &command);
        prop_assert!(after == state || ways(&after));
    }

    #[test]
    fn a_reset_leaves_only_what_was_linked_under_the_present_verified_address(
        state in user::registered(),
        at in arbitrary::time(),
    ) {
        let command = Command::ResetPassword { epoch: account(&state).epoch, password: user::some_password(), at };
        prop_assume!(account(&state).active);
        let after = after(&state, &command);
        let present = account(&after).email.as_ref().map(|address| address.claim);
        for linked in &account(&after).linked {
            prop_assert!(linked.under.is_some() && linked.under == present);
        }
    }

    #[test]
    fn nobody_is_born_twice_or_after_a_fence(
        state in user::registered(),
        birth in user::born(),
        at in arbitrary::time(),
    ) {
        prop_assert_eq!(state.clone().evolve(&birth), state);
        let fence = Event::RegistrationAbandoned { at };
        prop_assert_eq!(fold::<User>(&[fence, birth]), User::Abandoned);
    }
}
