//! Finds the name that was probably meant. Knows nothing of settings.

use std::cmp::Reverse;

/// The known name that takes the fewest edits to get to from `wrong`. A name that differs in its section
/// alone is closer than any other.
pub(super) fn closest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.min_by_key(|name| {
        let elsewhere = key(name) == key(wrong);
        let steps = distance(wrong, name);
        (if elsewhere { steps.min(1) } else { steps }, Reverse(common_start(wrong, name)))
    })
}

fn key(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, key)| key)
}

fn common_start(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

/// Levenshtein's distance, in bytes, one row of the matrix at a time.
fn distance(one: &str, other: &str) -> usize {
    let first: Vec<usize> = (0..=other.len()).collect();
    let last = one.bytes().zip(1..).fold(first, |above, (a, start)| {
        let mut row = vec![start];
        let mut left = start;
        for ((b, diagonal), up) in other.bytes().zip(&above).zip(above.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(up + 1).min(left + 1);
            row.push(left);
        }
        row
    });
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters_to_change_add_or_drop() {
        for (one, other, steps) in
            [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ttl", "ttl", 0), ("flaw", "lawn", 2)]
        {
            assert_eq!(distance(one, other), steps, "{one} {other}");
        }
    }

    #[test]
    fn a_misspelt_name_and_one_in_the_wrong_section_both_lead_to_the_right_one() {
        let known = ["api.listen", "jwt.access_ttl", "jwt.access_cookie", "auth.verify_ttl"];
        let find = |wrong| closest(wrong, known.into_iter());
        assert_eq!(find("jwt.acess_ttl"), Some("jwt.access_ttl"));
        assert_eq!(find("listen"), Some("api.listen"));
        assert_eq!(find("auth.access_ttl"), Some("jwt.access_ttl"));
    }
}
