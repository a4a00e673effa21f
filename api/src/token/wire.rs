//! The strict outer shape of a compact JWS (RFC 7515): three base64url parts, JSON objects without repeated
//! members, members of the expected kind. Knows nothing of keys, nor of what a claim means.

use super::TokenError;
use data_encoding::BASE64URL_NOPAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Longer tokens are refused unread: none of ours comes near.
const MAX_LENGTH: usize = 4096;

/// The end of the year 9999: later moments are no times, and would overflow as microseconds.
const LAST_SECOND: i64 = 253_402_300_799;

/// A token taken apart; nothing in it is believed yet.
pub(super) struct Parts<'a> {
    pub(super) header: Object,
    /// What the signature covers.
    pub(super) message: &'a str,
    pub(super) signature: &'a str,
    payload: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Invalid);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Invalid)?;
        Ok(Self { header: Object::decode(header)?, message, signature, payload })
    }

    /// The claims; to be asked for only once the signature has been verified.
    pub(super) fn claims(&self) -> Result<Object, TokenError> {
        Object::decode(self.payload)
    }
}

/// A JSON object in which a repeated member is an error (RFC 7519, section 4: the stricter choice).
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    fn decode(part: &str) -> Result<Self, TokenError> {
        let json = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| TokenError::Invalid)?;
        serde_json::from_slice(&json).map_err(|_| TokenError::Invalid)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, TokenError> {
        self.0.get(name).and_then(Value::as_str).ok_or(TokenError::Invalid)
    }

    /// Whole seconds since the Unix epoch, written as a JSON integer.
    pub(super) fn seconds(&self, name: &str) -> Result<i64, TokenError> {
        let number = self.0.get(name).and_then(Value::as_i64);
        number.filter(|seconds| (0..=LAST_SECOND).contains(seconds)).ok_or(TokenError::Invalid)
    }

    pub(super) fn count(&self, name: &str) -> Result<u32, TokenError> {
        let number = self.0.get(name).and_then(Value::as_u64);
        number.and_then(|count| u32::try_from(count).ok()).ok_or(TokenError::Invalid)
    }

    /// 16 bytes as base64url without padding.
    pub(super) fn id(&self, name: &str) -> Result<[u8; 16], TokenError> {
        let bytes = BASE64URL_NOPAD.decode(self.text(name)?.as_bytes()).map_err(|_| TokenError::Invalid)?;
        bytes.try_into().map_err(|_| TokenError::Invalid)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Object(members))
    }
}
