//! How much two texts resemble each other, as Python's `difflib.SequenceMatcher.quick_ratio` measures it: by the
//! characters that they share, whatever their order. Must not know what the texts are.

use crate::form::is_word;

/// The name of the first value that the password resembles, as a whole or in one of its words. Case does not count.
pub(super) fn resembled<'a>(password: &str, owner: &[(&'a str, &str)]) -> Option<&'a str> {
    let password = sorted(&password.to_lowercase());
    let alike = |value: &str| {
        let value = value.to_lowercase();
        let mut parts = value.split(|letter| !is_word(letter)).chain([value.as_str()]);
        parts.any(|part| !part.is_empty() && are_alike(&password, &sorted(part)))
    };
    owner.iter().find(|(_, value)| alike(value)).map(|(name, _)| *name)
}

/// Whether twice the shared characters are at least 0.7 of all, in whole numbers: a ratio that is not 0.7 differs from it
/// by far more than a float's rounding. Django first skips pairs of very different lengths; none of them gets this far.
fn are_alike(one: &[char], other: &[char]) -> bool {
    20 * shared(one, other) >= 7 * (one.len() + other.len())
}

/// The size of the intersection of two sorted multisets.
fn shared(one: &[char], other: &[char]) -> usize {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut count = 0;
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        let order = a.cmp(b);
        count += usize::from(order.is_eq());
        if order.is_le() {
            one.next();
        }
        if order.is_ge() {
            other.next();
        }
    }
    count
}

fn sorted(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        are_alike(&sorted(one), &sorted(other))
    }

    #[test]
    fn a_ratio_of_exactly_seven_tenths_is_alike() {
        assert!(alike("abcdefgxyz", "abcdefguvw"));
        assert!(!alike("abcdefgxyz", "abcdefguvwt"));
    }

    #[test]
    fn a_character_counts_as_often_as_both_have_it() {
        assert_eq!(shared(&sorted("aaab"), &sorted("abbb")), 2);
        assert!(!alike("aaaaaaaa", "abcdefgh"));
    }

    #[test]
    fn the_order_of_characters_does_not_count() {
        assert!(alike("drowssap", "password"));
    }

    #[test]
    fn the_first_of_several_values_is_named() {
        let owner = [("username", "other"), ("first name", "Kalinka"), ("last name", "KALINKA")];
        assert_eq!(resembled("kalinka1", &owner), Some("first name"));
    }

    #[test]
    fn a_word_within_a_value_is_enough() {
        let owner = [("email address", "kaleidoscope@some-long-company-name.example.com")];
        assert_eq!(resembled("Kaleidoscope9", &owner), Some("email address"));
    }

    #[test]
    fn empty_values_resemble_nothing() {
        assert_eq!(resembled("", &[("username", ""), ("email address", "@")]), None);
    }
}
