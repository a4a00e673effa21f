//! Reads the master key from text, in a setting or in its file. Its errors never show any of it.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

use super::{error::ValueError, given::Raw, redacted::Redacted, value::Value};

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MasterKeyError {
    #[error("it is neither base64 nor hex")]
    Encoding,
    #[error("it has {0} bytes, 32 are wanted")]
    Length(usize),
    #[error("it repeats one byte: random ones are wanted")]
    NotRandom,
}

/// Reads 32 bytes in hex or in any base64 (RFC 4648), with or without padding, spaces around it left aside.
pub(crate) fn parse_master_key(text: &str) -> Result<Redacted<[u8; 32]>, MasterKeyError> {
    let text = text.trim().as_bytes();
    let encodings = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    let mut decoded = encodings.iter().filter_map(|encoding| encoding.decode(text).ok());
    let bytes = decoded.next().ok_or(MasterKeyError::Encoding)?;
    let key: [u8; 32] = bytes.try_into().map_err(|bytes: Vec<u8>| MasterKeyError::Length(bytes.len()))?;
    if key.windows(2).all(|pair| pair.first() == pair.last()) {
        return Err(MasterKeyError::NotRandom);
    }
    Ok(Redacted::new(key))
}

pub(super) struct MasterKeyText(pub(super) Redacted<[u8; 32]>);

impl Value for MasterKeyText {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        Ok(Self(parse_master_key(raw.text()?)?))
    }

    fn show(&self) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> [u8; 32] {
        std::array::from_fn(|place| u8::try_from(place).unwrap() | 0xe0)
    }

    #[test]
    fn a_key_reads_the_same_in_hex_and_in_every_base64() {
        for encoding in [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
            let text = format!("{}\n", encoding.encode(&key()));
            assert_eq!(*parse_master_key(&text).unwrap().expose(), key(), "{text}");
        }
        let upper = HEXLOWER_PERMISSIVE.encode(&key()).to_uppercase();
        assert_eq!(*parse_master_key(&upper).unwrap().expose(), key());
    }

    #[test]
    fn a_short_a_long_an_unreadable_and_a_thoughtless_key_are_refused() {
        let refusal = |text: &str| parse_master_key(text).unwrap_err();
        assert_eq!(refusal(""), MasterKeyError::Length(0));
        assert_eq!(refusal(&BASE64.encode(&key()[..16])), MasterKeyError::Length(16));
        assert_eq!(refusal(&BASE64.encode(&[key(), key()].concat())), MasterKeyError::Length(64));
        assert_eq!(refusal("change me!"), MasterKeyError::Encoding);
        assert_eq!(refusal(&BASE64.encode(&[0; 32])), MasterKeyError::NotRandom);
    }
}
