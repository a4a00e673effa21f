//! Reads a rule aloud: given this history, when this command comes, then these events follow, or it is refused so.
//! Knows no aggregate. What fails shows both sides as they would be stored, since private values print as nothing.

use std::fmt::Debug;

use crate::{Aggregate, fold};

pub(crate) struct Given<A> {
    state: A,
}

/// What a command came to.
#[must_use]
pub(crate) struct When<A: Aggregate> {
    state: A,
    command: String,
    outcome: Result<Vec<A::Event>, A::Error>,
}

pub(crate) fn given<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let history: Vec<A::Event> = history.into_iter().collect();
    Given { state: fold::<A>(&history) }
}

impl<A> Given<A>
where
    A: Aggregate<Command: Debug> + PartialEq + Debug,
{
    pub(crate) fn when(self, command: A::Command) -> When<A> {
        let before = self.state.clone();
        let said = format!("{command:?}");
        let outcome = self.state.decide(command);
        assert_eq!(before, self.state, "a decision changes nothing");
        When { state: self.state, command: said, outcome }
    }
}

impl<A> When<A>
where
    A: Aggregate<Event: PartialEq, Error: PartialEq> + Debug,
{
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        let as_said = self.outcome.as_ref().is_ok_and(|events| *events == expected);
        assert!(as_said, "{}", self.told(&shown::<A>(&expected)));
    }

    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn refused(self, expected: &A::Error) {
        let as_said = self.outcome.as_ref().is_err_and(|error| error == expected);
        assert!(as_said, "{}", self.told(&format!("refused: {expected:?}")));
    }

    fn told(&self, expected: &str) -> String {
        let came = match &self.outcome {
            Ok(events) => shown::<A>(events),
            Err(error) => format!("refused: {error:?}"),
        };
        let Self { state, command, .. } = self;
        format!("\n   given: {state:?}\n    when: {command}\nexpected: {expected}\n    came: {came}\n")
    }
}

fn shown<A: Aggregate>(events: &[A::Event]) -> String {
    serde_json::to_string_pretty(events).expect("every event can be stored")
}

mod tests {
    use super::given;
    use crate::{
        Mail, Time,
        mail::{Command, Error, Event},
    };

    const SENT: Command = Command::RecordSent { attempt: 7, at: Time(8) };

    #[test]
    #[should_panic(expected = "expected: [\n  {\n    \"type\": \"mail.sent.v1\"")]
    fn a_refusal_in_place_of_an_event_fails_and_shows_the_event() {
        let event = Event::MailSent { attempt: 7, at: Time(8) };
        given::<Mail>([]).when(SENT).then([event]);
    }

    #[test]
    #[should_panic(expected = "came: refused: NotRequested")]
    fn a_refusal_in_place_of_silence_fails_and_shows_the_refusal() {
        given::<Mail>([]).when(SENT).then_nothing();
    }

    #[test]
    #[should_panic(expected = "expected: refused: AlreadyRequested")]
    fn another_refusal_fails_and_shows_the_one_expected() {
        given::<Mail>([]).when(SENT).refused(&Error::AlreadyRequested);
    }
}
