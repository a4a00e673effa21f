//! The signature of a request by OAuth 1.0a, worked out as a server does (RFC 5849, section 3.4).

use std::borrow::Cow;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;

use super::Seen;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request that claims to be signed.
pub(super) struct Signed<'s> {
    seen: &'s Seen,
    header: Vec<(String, String)>,
}

impl<'s> Signed<'s> {
    /// None where there are no credentials of the kind.
    pub(super) fn of(seen: &'s Seen) -> Option<Self> {
        let pairs = seen.credentials("oauth")?.split(',');
        let header = pairs.map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            let decoded = |text| percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned);
            Some((decoded(name)?, decoded(value)?))
        });
        let header: Option<Vec<_>> = header.collect();
        header.map(|header| Self { seen, header })
    }

    /// Empty where it is missing or comes twice.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut values = self.header.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).unwrap_or_default()
    }

    /// What is signed, for a server at this address.
    pub(super) fn base(&self, server: &str) -> String {
        let own = self.header.iter().filter(|(name, _)| name != "oauth_signature" && name != "realm");
        let form = self.seen.form();
        let all = own.chain(&self.seen.query).chain(&form);
        let mut encoded: Vec<_> = all.map(|(name, value)| (encode(name), encode(value))).collect();
        encoded.sort();
        let pairs: Vec<_> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("{server}{}", self.seen.path);
        [self.seen.method.as_str(), &encode(&url), &encode(&pairs.join("&"))].join("&")
    }
}

pub(super) fn hmac_sha1(base: &str, secret: &str, token_secret: &str) -> String {
    let key = format!("{}&{}", encode(secret), encode(token_secret));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(base.as_bytes());
    BASE64.encode(&mac.finalize().into_bytes())
}

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}
