//! The character sets in which a body may come. Must not know what the text means.

/// UTF-8 is also the reading of every label that is not known here, as RFC 8259 §8.1 wants it for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// The mark at its start tells the order of its bytes (RFC 2781, section 3.2); it has to be there.
    Utf16,
    Utf16Le,
    Utf16Be,
}

impl Charset {
    pub(super) fn named(label: &str) -> Self {
        match label.to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "ascii" | "us-ascii" | "646" => Self::Ascii,
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => Self::Latin1,
            "utf-16" | "utf16" | "u16" => Self::Utf16,
            "utf-16-le" | "utf-16le" => Self::Utf16Le,
            "utf-16-be" | "utf-16be" => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// The text, or the contract's sentence about the first byte that is none. A character that is cut off by the
    /// end of the body is left out, as the reference leaves it out.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, String> {
        match self {
            Self::Utf8 => utf8(bytes),
            Self::Latin1 => Ok(latin1(bytes)),
            Self::Utf16Le => utf16(bytes, 0, LITTLE),
            Self::Utf16Be => utf16(bytes, 0, BIG),
            Self::Utf16 => match bytes {
                [0xFF, 0xFE, rest @ ..] => utf16(rest, 2, LITTLE),
                [0xFE, 0xFF, rest @ ..] => utf16(rest, 2, BIG),
                [] | [_] => Ok(String::new()),
                _ => Err("UTF-16 stream does not start with BOM".to_owned()),
            },
            Self::Ascii => match bytes.iter().enumerate().find(|(_, byte)| !byte.is_ascii()) {
                None => Ok(latin1(bytes)),
                Some((at, byte)) => Err(format!(
                    "'ascii' codec can't decode byte {byte:#04x} in position {at}: ordinal not in range(128)"
                )),
            },
        }
    }

    /// The text of a form, with U+FFFD in the place of what is none. A form is made of ASCII (WHATWG URL §5.1): where its
    /// label says UTF-16 it is read as UTF-8.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Self::Latin1 => latin1(bytes),
            Self::Utf8 | Self::Ascii | Self::Utf16 | Self::Utf16Le | Self::Utf16Be => {
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
    }
}

/// An order of bytes: its name in a sentence, and how it makes a number of two.
type Order = (&'static str, fn([u8; 2]) -> u16);

const LITTLE: Order = ("utf-16-le", u16::from_le_bytes);
const BIG: Order = ("utf-16-be", u16::from_be_bytes);

/// Reads what stands behind the first `start` bytes of a body.
fn utf16(bytes: &[u8], start: usize, (name, unit): Order) -> Result<String, String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut text = String::new();
    let mut at = start;
    for letter in char::decode_utf16(pairs.iter().copied().map(unit)) {
        match letter {
            Ok(letter) => {
                text.push(letter);
                at += 2 * letter.len_utf16();
            }
            // The first half of a pair whose second one did not come any more.
            Err(half) if is_first_half(&half) && at + 2 >= start + 2 * pairs.len() => break,
            Err(half) => {
                let reason =
                    if is_first_half(&half) { "illegal UTF-16 surrogate" } else { "illegal encoding" };
                return Err(format!(
                    "'{name}' codec can't decode bytes in position {at}-{}: {reason}",
                    at + 1
                ));
            }
        }
    }
    Ok(text)
}

fn is_first_half(half: &std::char::DecodeUtf16Error) -> bool {
    half.unpaired_surrogate() < 0xDC00
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
    fn utf16_is_read_in_the_order_of_its_mark_or_of_its_label() {
        let text = Ok("{é😀".to_owned());
        assert_eq!(Charset::named("UTF-16").decode(b"\xff\xfe{\0\xe9\0\x3d\xd8\x00\xde"), text);
        assert_eq!(Charset::named("utf_16").decode(b"\xfe\xff\0{\0\xe9\xd8\x3d\xde\x00"), text);
        assert_eq!(Charset::named("utf-16le").decode(b"{\0\xe9\0\x3d\xd8\x00\xde"), text);
        assert_eq!(Charset::named("utf-16-be").decode(b"\0{\0\xe9\xd8\x3d\xde\x00"), text);
        assert_eq!(Charset::Utf16.decode(b"{}"), Err("UTF-16 stream does not start with BOM".to_owned()));
    }

    #[test]
    fn what_is_no_utf16_is_named_with_its_place_and_what_is_cut_off_is_left_out() {
        let refused = |sentence: &str| Err(sentence.to_owned());
        assert_eq!(
            Charset::Utf16.decode(b"\xff\xfe\x00\xd8a\0"),
            refused("'utf-16-le' codec can't decode bytes in position 2-3: illegal UTF-16 surrogate")
        );
        assert_eq!(
            Charset::Utf16Be.decode(b"\0a\xdc\x00\0a"),
            refused("'utf-16-be' codec can't decode bytes in position 2-3: illegal encoding")
        );
        for cut in [&b"a\0\x00\xd8"[..], b"a\0\x00", b"a\0"] {
            assert_eq!(Charset::Utf16Le.decode(cut), Ok("a".to_owned()));
        }
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
