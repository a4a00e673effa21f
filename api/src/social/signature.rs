//! Signs a request by OAuth 1.0a with HMAC-SHA1 (RFC 5849, section 3.4). Knows neither clock nor chance: nonce and time come
//! in. No crate that is still kept does this.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

/// What stays as it is (section 3.6).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Pairs of a name and its secret.
pub(super) struct Signer<'a> {
    pub(super) consumer: (&'a str, &'a str),
    pub(super) token: (&'a str, &'a str),
}

/// What makes each request another one.
pub(super) struct Stamp {
    pub(super) nonce: String,
    /// Since the Unix epoch.
    pub(super) seconds: i64,
}

impl Signer<'_> {
    /// The `Authorization` of a request without a form. `url` is without its query, which is given decoded.
    pub(super) fn authorization(
        &self,
        (method, url): (&str, &str),
        query: &[(&str, &str)],
        stamp: &Stamp,
    ) -> Option<String> {
        let seconds = stamp.seconds.to_string();
        let own = [
            ("oauth_consumer_key", self.consumer.0),
            ("oauth_nonce", &stamp.nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &seconds),
            ("oauth_token", self.token.0),
            ("oauth_version", "1.0"),
        ];
        let base = base((method, url), own.iter().chain(query));
        let signature = self.sign(&base)?;
        let fields = own.into_iter().chain([("oauth_signature", signature.as_str())]);
        let fields = fields.map(|(name, value)| format!("{name}=\"{}\"", encode(value)));
        Some(format!("OAuth {}", fields.collect::<Vec<_>>().join(", ")))
    }

    fn sign(&self, base: &str) -> Option<String> {
        let key = format!("{}&{}", encode(self.consumer.1), encode(self.token.1));
        let mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).ok()?;
        Some(STANDARD.encode(mac.chain_update(base).finalize().into_bytes()))
    }
}

/// The signature base string (section 3.4.1). Names and values are sorted once they are encoded.
fn base<'a>((method, url): (&str, &str), fields: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    let mut encoded: Vec<_> = fields.map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    let pairs: Vec<_> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    [method, &encode(url), &encode(&pairs.join("&"))].join("&")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_string_is_that_of_rfc_5849_section_3_4_1() {
        let fields = [
            ("b5", "=%3D"),
            ("a3", "a"),
            ("c@", ""),
            ("a2", "r b"),
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ];
        let expected = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
                        %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
                        oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7";
        assert_eq!(base(("POST", "http://example.com/request"), fields.iter()), expected);
    }

    #[test]
    fn a_signature_is_that_of_rfc_5849_section_1_2() {
        let signer = Signer {
            consumer: ("dpf43f3p2l4k3l03", "kd94hf93k423kf44"),
            token: ("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"),
        };
        let fields = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
            ("file", "vacation.jpg"),
            ("size", "original"),
        ];
        let base = base(("GET", "http://photos.example.net/photos"), fields.iter());
        assert_eq!(signer.sign(&base).as_deref(), Some("MdpQcU8iPSUjWoN/UDMsK2sui9I="));
    }

    #[test]
    fn every_field_is_shown_encoded() {
        let signer = Signer { consumer: ("c", "cs"), token: ("t ü", "ts") };
        let stamp = Stamp { nonce: "n".to_owned(), seconds: 1 };
        let shown = signer.authorization(("GET", "http://x.test/"), &[("q", "1")], &stamp).unwrap();
        assert!(shown.starts_with("OAuth oauth_consumer_key=\"c\", "), "{shown}");
        assert!(shown.contains("oauth_token=\"t%20%C3%BC\""), "{shown}");
        assert!(!shown.contains("q="), "{shown}");
    }
}
