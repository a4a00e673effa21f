//! The username of somebody who signs up through a provider: the one that he has there, or the first that can be made of
//! what else is known of him, with figures and letters behind it until it is free. As the reference does it.

use domain::{ReservationId, Time, claim::Plan, name::NameKind};
use store::{StoreError, StreamId, random};
use unicode_normalization::UnicodeNormalization;

use super::{Accounts, Person, SocialError, under_way};
use crate::form::field::is_username;

const LONGEST: usize = 150;
/// How many characters are put behind a name at most.
const LONGEST_SUFFIX: usize = 6;
const FIGURES: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Accounts {
    /// Plans to take a free username.
    pub(super) async fn take_username(
        &self,
        plan: &mut Plan<StreamId>,
        person: &Person,
        at: Time,
    ) -> Result<(String, ReservationId), SocialError> {
        let base = base(person);
        let own = person.username.clone().filter(|name| is_good(name));
        let suffixed =
            (0..=LONGEST_SUFFIX).map(|length| with_suffix(&base, &suffix(length, random::number())));
        for name in own.into_iter().chain(suffixed) {
            if let Some(claim) = self.try_username(plan, person, &name, at).await? {
                return Ok((name, claim));
            }
        }
        Err(under_way().into())
    }

    async fn try_username(
        &self,
        plan: &mut Plan<StreamId>,
        person: &Person,
        name: &str,
        at: Time,
    ) -> Result<Option<ReservationId>, StoreError> {
        if self.is_foreign_address(name, person.email.as_deref().unwrap_or_default()).await? {
            return Ok(None);
        }
        self.take(plan, (NameKind::Username, name), at).await
    }
}

fn is_good(name: &str) -> bool {
    is_username(name) && name.chars().count() <= LONGEST
}

/// The first of these that leaves anything of itself as a username.
fn base(person: &Person) -> String {
    let known = [&person.first_name, &person.last_name, person.email.as_ref().unwrap_or(&person.last_name)];
    let mut bases = known.into_iter().map(|text| reduced(text));
    bases.find(|base| is_good(base)).unwrap_or_else(|| "user".to_owned())
}

/// Plain ASCII in lower case, up to the `@` of an address, with `_` for blanks.
fn reduced(text: &str) -> String {
    let plain = text.nfkd().filter(char::is_ascii);
    let kept = plain.filter(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_@+.-".contains(*c));
    let lower: String = kept.map(|c| c.to_ascii_lowercase()).collect();
    let local = lower.split('@').next().unwrap_or_default();
    local.split_ascii_whitespace().collect::<Vec<_>>().join("_")
}

fn with_suffix(base: &str, suffix: &str) -> String {
    let room = LONGEST - suffix.len();
    base.chars().take(room).chain(suffix.chars()).collect()
}

/// Four figures, then letters.
fn suffix(length: usize, random: u64) -> String {
    let mut rest = random;
    let mut draw = |place: usize| {
        let from = if place < 4 { FIGURES } else { LETTERS };
        let sides = from.len() as u64;
        let drawn = usize::try_from(rest % sides).ok().and_then(|side| from.get(side)).copied();
        rest /= sides;
        drawn.map(char::from)
    };
    (0..length).filter_map(&mut draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(first_name: &str, last_name: &str, email: Option<&str>) -> Person {
        Person {
            provider: "google".to_owned(),
            subject: "1".to_owned(),
            email: email.map(str::to_owned),
            email_verified: false,
            username: None,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
        }
    }

    #[test]
    fn a_name_is_made_of_the_first_that_is_known() {
        assert_eq!(base(&person("Ada", "Lovelace", Some("al@example.org"))), "ada");
        assert_eq!(base(&person("", "Lovelace", Some("al@example.org"))), "lovelace");
        assert_eq!(base(&person("", "", Some("A.L+x@example.org"))), "a.l+x");
        assert_eq!(base(&person("", "", None)), "user");
        assert_eq!(base(&person("名前", "!!", Some("\"!\"@example.org"))), "user");
    }

    #[test]
    fn a_name_is_plain_and_in_lower_case() {
        assert_eq!(reduced("Ann  Märy\tJo"), "ann_mary_jo");
        assert_eq!(reduced("O'Neill <x>"), "oneill_x");
    }

    #[test]
    fn figures_come_before_letters_and_the_whole_stays_short_enough() {
        for length in 0..=LONGEST_SUFFIX {
            let suffix = suffix(length, u64::MAX - 7);
            assert_eq!(suffix.len(), length);
            assert!(suffix.chars().take(4).all(|c| c.is_ascii_digit()), "{suffix}");
            assert!(suffix.chars().skip(4).all(|c| c.is_ascii_alphabetic()), "{suffix}");
            let long = with_suffix(&"x".repeat(200), &suffix);
            assert!(is_good(&long) && long.ends_with(&suffix));
        }
    }
}
