//! Which characters Python's `str.isdigit` takes: those with a value from 0 to 9, superscripts and circled ones too, but
//! no fractions and no letters that count. Must not know passwords.

/// Whether a text is made of digits, at least one.
pub(super) fn only(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_digit)
}

fn is_digit(letter: char) -> bool {
    let after = DIGITS.partition_point(|(first, _)| *first <= letter);
    after.checked_sub(1).and_then(|at| DIGITS.get(at)).is_some_and(|(_, last)| letter <= *last)
}

/// The characters of `Numeric_Type` Decimal or Digit (Unicode 15.1). In ascending order.
#[rustfmt::skip]
const DIGITS: &[(char, char)] = &[
    ('\u{30}', '\u{39}'), ('\u{b2}', '\u{b3}'), ('\u{b9}', '\u{b9}'), ('\u{660}', '\u{669}'),
    ('\u{6f0}', '\u{6f9}'), ('\u{7c0}', '\u{7c9}'), ('\u{966}', '\u{96f}'), ('\u{9e6}', '\u{9ef}'),
    ('\u{a66}', '\u{a6f}'), ('\u{ae6}', '\u{aef}'), ('\u{b66}', '\u{b6f}'), ('\u{be6}', '\u{bef}'),
    ('\u{c66}', '\u{c6f}'), ('\u{ce6}', '\u{cef}'), ('\u{d66}', '\u{d6f}'), ('\u{de6}', '\u{def}'),
    ('\u{e50}', '\u{e59}'), ('\u{ed0}', '\u{ed9}'), ('\u{f20}', '\u{f29}'), ('\u{1040}', '\u{1049}'),
    ('\u{1090}', '\u{1099}'), ('\u{1369}', '\u{1371}'), ('\u{17e0}', '\u{17e9}'), ('\u{1810}', '\u{1819}'),
    ('\u{1946}', '\u{194f}'), ('\u{19d0}', '\u{19da}'), ('\u{1a80}', '\u{1a89}'), ('\u{1a90}', '\u{1a99}'),
    ('\u{1b50}', '\u{1b59}'), ('\u{1bb0}', '\u{1bb9}'), ('\u{1c40}', '\u{1c49}'), ('\u{1c50}', '\u{1c59}'),
    ('\u{2070}', '\u{2070}'), ('\u{2074}', '\u{2079}'), ('\u{2080}', '\u{2089}'), ('\u{2460}', '\u{2468}'),
    ('\u{2474}', '\u{247c}'), ('\u{2488}', '\u{2490}'), ('\u{24ea}', '\u{24ea}'), ('\u{24f5}', '\u{24fd}'),
    ('\u{24ff}', '\u{24ff}'), ('\u{2776}', '\u{277e}'), ('\u{2780}', '\u{2788}'), ('\u{278a}', '\u{2792}'),
    ('\u{a620}', '\u{a629}'), ('\u{a8d0}', '\u{a8d9}'), ('\u{a900}', '\u{a909}'), ('\u{a9d0}', '\u{a9d9}'),
    ('\u{a9f0}', '\u{a9f9}'), ('\u{aa50}', '\u{aa59}'), ('\u{abf0}', '\u{abf9}'), ('\u{ff10}', '\u{ff19}'),
    ('\u{104a0}', '\u{104a9}'), ('\u{10a40}', '\u{10a43}'), ('\u{10d30}', '\u{10d39}'),
    ('\u{10e60}', '\u{10e68}'), ('\u{11052}', '\u{1105a}'), ('\u{11066}', '\u{1106f}'),
    ('\u{110f0}', '\u{110f9}'), ('\u{11136}', '\u{1113f}'), ('\u{111d0}', '\u{111d9}'),
    ('\u{112f0}', '\u{112f9}'), ('\u{11450}', '\u{11459}'), ('\u{114d0}', '\u{114d9}'),
    ('\u{11650}', '\u{11659}'), ('\u{116c0}', '\u{116c9}'), ('\u{11730}', '\u{11739}'),
    ('\u{118e0}', '\u{118e9}'), ('\u{11950}', '\u{11959}'), ('\u{11c50}', '\u{11c59}'),
    ('\u{11d50}', '\u{11d59}'), ('\u{11da0}', '\u{11da9}'), ('\u{11f50}', '\u{11f59}'),
    ('\u{16a60}', '\u{16a69}'), ('\u{16ac0}', '\u{16ac9}'), ('\u{16b50}', '\u{16b59}'),
    ('\u{1d7ce}', '\u{1d7ff}'), ('\u{1e140}', '\u{1e149}'), ('\u{1e2f0}', '\u{1e2f9}'),
    ('\u{1e4f0}', '\u{1e4f9}'), ('\u{1e950}', '\u{1e959}'), ('\u{1f100}', '\u{1f10a}'),
    ('\u{1fbf0}', '\u{1fbf9}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_are_digits() {
        for digits in ["0123456789", "٠١٢٣", "०१२", "１２３", "²³", "①⑨", "𝟎𝟗", "\u{1fbf9}"]
        {
            assert!(only(digits), "{digits}");
        }
    }

    #[test]
    fn fractions_signs_and_counting_letters_are_no_digits() {
        for other in ["", "½", "Ⅷ", "⑩", "一", "-1", "1 2", "1a", "/", ":"] {
            assert!(!only(other), "{other}");
        }
    }

    #[test]
    fn the_ranges_ascend_and_do_not_touch() {
        assert!(DIGITS.iter().all(|(first, last)| first <= last));
        assert!(DIGITS.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
