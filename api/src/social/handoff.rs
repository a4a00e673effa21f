//! Somebody whom a provider has vouched for, on his way through the browser to the front end: as a code that the front end
//! gives for what it wants of Stele. Knows neither sessions nor HTTP, and not whether a code was used before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::{clock, random, ticket::TicketKey};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::intent::challenge_of;
use crate::command::Person;

/// From the provider's answer to the front end's request.
pub(crate) const LIFE: Duration = Duration::from_mins(1);

const PURPOSE: &str = "social login: handoff";

#[derive(Serialize, Deserialize)]
pub(crate) struct Handoff {
    id: Uuid,
    pub(crate) person: Person,
    challenge: Option<String>,
}

impl Handoff {
    pub(crate) fn new(person: Person, challenge: Option<String>) -> Self {
        Self { id: random::id(), person, challenge }
    }

    pub(crate) fn code(&self, key: &TicketKey) -> Option<String> {
        key.seal(PURPOSE, self, clock::now() + LIFE)
    }

    /// None where the code was not given by us, or too long ago.
    pub(crate) fn from_code(key: &TicketKey, code: &str) -> Option<Self> {
        key.open(PURPOSE, code, clock::now())
    }

    /// What it is known by, once.
    pub(crate) fn name(&self) -> String {
        self.id.to_string()
    }

    /// Whether it was begun with a challenge, so that it can't have been slipped to the front end by somebody else.
    pub(crate) const fn is_bound(&self) -> bool {
        self.challenge.is_some()
    }

    /// Whether whoever shows this verifier is who began. One that was begun without a challenge belongs to nobody who has a
    /// verifier: somebody took the challenge away, or slipped him a code of his own (RFC 9700, section 4.8.2).
    pub(crate) fn belongs_to(&self, verifier: Option<&str>) -> bool {
        match (&self.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                challenge_of(verifier).as_bytes().ct_eq(challenge.as_bytes()).into()
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handoff(challenge: Option<&str>) -> Handoff {
        let person = Person {
            provider: "google".to_owned(),
            subject: "1".to_owned(),
            email: Some("ada@example.org".to_owned()),
            email_verified: true,
            username: None,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
        };
        Handoff::new(person, challenge.map(str::to_owned))
    }

    #[test]
    fn a_code_is_opened_by_who_gave_it_and_says_nothing_to_others() {
        let key = TicketKey::derived_from(&[7; 32]);
        let code = handoff(None).code(&key).unwrap();

        let back = Handoff::from_code(&key, &code).unwrap();
        assert_eq!((back.person.subject.as_str(), back.is_bound()), ("1", false));
        assert!(Handoff::from_code(&TicketKey::derived_from(&[8; 32]), &code).is_none());
        assert!(code.len() < 1000 && code.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)));
    }

    #[test]
    fn a_code_belongs_to_who_shows_the_verifier() {
        let bound = handoff(Some(&challenge_of("v")));

        assert!(bound.belongs_to(Some("v")));
        assert!(!bound.belongs_to(Some("w")) && !bound.belongs_to(Some("")) && !bound.belongs_to(None));
    }

    #[test]
    fn a_code_without_a_challenge_does_not_belong_to_who_has_a_verifier() {
        assert!(handoff(None).belongs_to(None));
        assert!(!handoff(None).belongs_to(Some("v")));
    }
}
