//! The character sets in which a body may come. Must not know what the text means.

/// UTF-8 is also the reading of every label that is not known here, as RFC 8259 §8.1 wants it for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
}

impl Charset {
    pub(super) fn named(label: &str) -> Self {
        match label.to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "ascii" | "us-ascii" | "646" => Self::Ascii,
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => Self::Latin1,
            _ => Self::Utf8,
        }
    }

    /// The text, or the contract's sentence about the first byte that is none. A character that is cut off by the
    /// end of the body is left out, as the reference leaves it out.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, String> {
        match self {
            Self::Utf8 => utf8(bytes),
            Self::Latin1 => Ok(latin1(bytes)),
            Self::Ascii => match bytes.iter().enumerate().find(|(_, byte)| !byte.is_ascii()) {
                None => Ok(latin1(bytes)),
                Some((at, byte)) => Err(format!(
                    "'ascii' codec can't decode byte {byte:#04x} in position {at}: ordinal not in range(128)"
                )),
            },
        }
    }

    /// The text, with U+FFFD in the place of what is none.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Self::Latin1 => latin1(bytes),
            Self::Utf8 | Self::Ascii => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let (valid, rest) = bytes.split_at(error.valid_up_to());
    let Some(length) = error.error_len() else {
        return Ok(String::from_utf8_lossy(valid).into_owned());
    };
    let first = rest.first().copied().unwrap_or_default();
    let start = valid.len();
    let place = match length {
        1 => format!("byte {first:#04x} in position {start}"),
        _ => format!("bytes in position {start}-{}", start + length - 1),
    };
    let reason =
        if (0xC2..=0xF4).contains(&first) { "invalid continuation byte" } else { "invalid start byte" };
    Err(format!("'utf-8' codec can't decode {place}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_utf8_are_named_with_their_place() {
        let cases: [(&[u8], &str); 5] = [
            (b"\xff", "byte 0xff in position 0: invalid start byte"),
            (b"ab\xc3\"", "byte 0xc3 in position 2: invalid continuation byte"),
            (b"a\xe2\x82\"", "bytes in position 1-2: invalid continuation byte"),
            (b"\xf0\x9f\x98\"", "bytes in position 0-2: invalid continuation byte"),
            (b"\xed\xa0\x80", "byte 0xed in position 0: invalid continuation byte"),
        ];
        for (bytes, place) in cases {
            assert_eq!(Charset::Utf8.decode(bytes), Err(format!("'utf-8' codec can't decode {place}")));
        }
    }

    #[test]
    fn a_character_cut_off_at_the_end_is_left_out() {
        assert_eq!(Charset::Utf8.decode(b"{}\xc3"), Ok("{}".to_owned()));
    }

    #[test]
    fn a_label_chooses_the_reading_and_an_unknown_one_means_utf8() {
        assert_eq!(Charset::named("ISO_8859-1").decode(b"\xe9"), Ok("é".to_owned()));
        assert_eq!(
            Charset::named("US-ASCII").decode(b"a\xc3"),
            Err("'ascii' codec can't decode byte 0xc3 in position 1: ordinal not in range(128)".to_owned())
        );
        assert_eq!(Charset::named("bogus"), Charset::Utf8);
        assert_eq!(Charset::Utf8.decode_lossy(b"a\xff"), "a\u{fffd}");
        assert_eq!(Charset::Latin1.decode_lossy(b"\xe9"), "é");
    }
}
