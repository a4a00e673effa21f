//! The 20,000 most common passwords, as Django ships them (gathered by Royce Williams), lower case. Unpacked when first
//! asked, so that a process that judges no password does not carry them.

use std::{io::Read, sync::LazyLock};

use flate2::read::GzDecoder;

/// One password a line, in ascending order of bytes.
static PACKED: &[u8] = include_bytes!("common.txt.gz");

static COMMON: LazyLock<Vec<&'static str>> = LazyLock::new(unpack);

/// Whether a password is on the list, whatever its case and the blanks around it.
pub(super) fn holds(password: &str) -> bool {
    let password = password.to_lowercase();
    COMMON.binary_search(&password.trim_matches(is_blank)).is_ok()
}

/// What Python's `str.strip` takes away: Unicode's white space, and the four separators of ASCII.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

#[expect(clippy::expect_used, reason = "the list is part of the program; a test unpacks it")]
fn unpack() -> Vec<&'static str> {
    let mut text = String::new();
    GzDecoder::new(PACKED).read_to_string(&mut text).expect("a list that unpacks");
    let mut common: Vec<&str> = text.leak().lines().collect();
    common.shrink_to_fit();
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_unpacks_whole_and_in_order() {
        assert_eq!(COMMON.len(), 19_640);
        assert!(COMMON.is_sorted());
        assert!(COMMON.iter().all(|common| !common.is_empty() && holds(common)));
    }

    #[test]
    fn case_and_blanks_around_do_not_hide_a_common_password() {
        for disguised in ["PassWord", " password\t", "\u{1c}password\u{1f}", "\u{a0}password\u{3000}"] {
            assert!(holds(disguised), "{disguised:?}");
        }
    }

    #[test]
    fn neighbours_of_common_passwords_are_not_held() {
        for uncommon in ["", "pass word", "password\u{200b}", "123456\n123456789", "correct-horse-battery"] {
            assert!(!holds(uncommon), "{uncommon:?}");
        }
    }
}
