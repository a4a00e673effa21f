//! A mail is asked for once, and ends once for each time that it is tried.

use proptest::prelude::*;

use super::{after, arbitrary, lived};
use crate::{Aggregate, Mail, mail::Event};

proptest! {
    #[test]
    fn a_mail_is_asked_for_once_and_ends_once_for_each_time_that_it_is_tried(
        commands in prop::collection::vec(arbitrary::mail_command(), 0..24),
    ) {
        let (_, history) = lived::<Mail>(&commands);
        let asked = history.iter().filter(|event| matches!(event, Event::MailRequested(_))).count();
        prop_assert!(asked <= 1);
        let retried = history.iter().filter(|event| matches!(event, Event::MailRetried { .. })).count();
        prop_assert!(history.len() - asked - retried <= asked + retried);
        let sent = history.iter().filter(|event| matches!(event, Event::MailSent { .. })).count();
        prop_assert!(sent <= 1);
    }

    #[test]
    fn a_command_that_was_followed_leads_to_nothing_more(
        commands in prop::collection::vec(arbitrary::mail_command(), 0..6),
        command in arbitrary::mail_command(),
    ) {
        let state = after(&lived::<Mail>(&commands).0, &command);
        prop_assert_eq!(state.decide(command).unwrap_or_default(), vec![]);
    }
}
