//! Tokens and cookies: how a session is shown to a client and recognised again.
//! Pure: keys, time and randomness come in as arguments. Knows neither HTTP answers, nor the log,
//! nor which sessions have ended: that is asked by the caller, for every request.

use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use thiserror::Error;

pub mod cookie;
pub mod jwt;
pub mod keyring;
pub mod opaque;
pub mod verified;

mod generate;
mod wire;

#[cfg(test)]
mod fixture;

/// Why a JWT is refused. The texts are those of the recorded contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not one of ours: shape, key, signature, issuer, audience, or a claim of the wrong kind.
    #[error("Token is invalid")]
    Invalid,
    /// Ours, and its `exp` has come.
    #[error("Token is expired")]
    Expired,
    /// Ours and alive, but an access token where a refresh token belongs, or the reverse.
    #[error("Token has wrong type")]
    WrongType,
}

impl TokenError {
    /// The sentence that the contract's answers carry.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Invalid => "Token is invalid",
            Self::Expired => "Token is expired",
            Self::WrongType => "Token has wrong type",
        }
    }
}

/// A session id as tokens and URLs show it: 16 lower-case hex digits.
pub fn sid_text(session: u64) -> String {
    format!("{session:016x}")
}

/// Reads what [`sid_text`] wrote; any other spelling is refused.
pub fn parse_sid(text: &str) -> Option<u64> {
    let spelled = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    spelled.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Microseconds since the Unix epoch to the whole seconds that tokens carry, rounded down.
pub const fn whole_seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

/// HMAC-SHA256 under a 32 byte key. RFC 2104 pads a short key with zeros, so the padded block is the same
/// key.
fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(secret) {
        *place = *byte;
    }
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::Mac;

    #[test]
    fn a_session_id_is_sixteen_lower_case_hex_digits_and_nothing_else_is_read() {
        assert_eq!(sid_text(0x1a), "000000000000001a");
        assert_eq!(parse_sid("000000000000001a"), Some(0x1a));
        assert_eq!(parse_sid(&sid_text(u64::MAX)), Some(u64::MAX));
        for bad in
            ["", "1a", "000000000000001A", "+00000000000001a", "000000000000001a ", "00000000000000001a"]
        {
            assert_eq!(parse_sid(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_mac_agrees_with_another_implementation() {
        let tag = keyed(&[7; 32]).chain_update(b"stele").finalize().into_bytes();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&tag),
            "e6bc7c93d6d3d33ca3fd46d4abb2dd91001f8b11b4211e69d5a4764bdb8bbdff"
        );
    }

    #[test]
    fn seconds_round_down_on_both_sides_of_the_epoch() {
        assert_eq!(whole_seconds(1_999_999), 1);
        assert_eq!(whole_seconds(-1), -1);
    }
}
