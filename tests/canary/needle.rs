//! Finds a text in bytes however it is spelled: in clear whatever its case, in hex, or somewhere inside a base64 text.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER};

/// A text that must not be found, with everything it could look like.
pub(super) struct Needle {
    name: String,
    /// Compared without regard to case.
    folded: [String; 2],
    exact: Vec<String>,
}

pub(super) struct Haystack {
    name: String,
    text: String,
    lowercase: String,
}

impl Needle {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let bytes = text.as_bytes();
        let exact =
            [BASE64_NOPAD, BASE64URL_NOPAD].into_iter().flat_map(|alphabet| inside_base64(&alphabet, bytes));
        Self {
            name: format!("{name} ({text:.24})"),
            folded: [text.to_ascii_lowercase(), HEXLOWER.encode(bytes)],
            exact: exact.collect(),
        }
    }
}

impl Haystack {
    /// All needles are ASCII, so bytes that are no text may be replaced.
    pub(super) fn new(name: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self { name: name.to_owned(), lowercase: text.to_ascii_lowercase(), text }
    }

    /// What was found, and how it is spelled there.
    pub(super) fn find(&self, needle: &Needle) -> Option<String> {
        let folded = needle.folded.iter().find(|text| self.lowercase.contains(*text));
        let spelling = folded.or_else(|| needle.exact.iter().find(|text| self.text.contains(*text)))?;
        Some(format!("{} in {} as {spelling:.60}", needle.name, self.name))
    }
}

/// What base64 makes of `bytes` after 0, 1 or 2 other bytes, without the characters that its neighbours have a part in.
fn inside_base64(alphabet: &Encoding, bytes: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let padded = [&vec![0; before], bytes].concat();
        let start = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        alphabet.encode(&padded)[start..end].to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, BASE64URL, HEXUPPER};

    const TEXT: &str = "Marker?~of>the}test";

    fn finds(bytes: &[u8]) -> bool {
        Haystack::new("here", bytes).find(&Needle::new("it", TEXT)).is_some()
    }

    #[test]
    fn a_needle_is_found_in_clear_whatever_its_case_and_its_neighbours() {
        assert!(finds(format!("x{TEXT}y").as_bytes()));
        assert!(finds(format!("x{}y", TEXT.to_uppercase()).as_bytes()));
        assert!(finds(&[b"\xff\xfe\x00", TEXT.as_bytes(), b"\xc3"].concat()));
    }

    #[test]
    fn a_needle_is_found_in_hex_and_base64_at_every_alignment() {
        for before in 0..7 {
            for after in 0..7 {
                let bytes = [&vec![b'a'; before], TEXT.as_bytes(), &vec![b'z'; after]].concat();
                for alphabet in [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER] {
                    assert!(finds(alphabet.encode(&bytes).as_bytes()), "{before} {after} {alphabet:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(!finds(b""));
        assert!(!finds(&TEXT.as_bytes()[1..]));
        assert!(!finds(BASE64.encode(&TEXT.as_bytes()[2..]).as_bytes()));
    }
}
