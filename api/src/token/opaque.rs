//! The opaque keys of key mode: a session id and its MAC, so that any node can tell a key of ours from a
//! guess without a look-up. Knows nothing of the session behind it, and nothing of a key is ever stored.

use data_encoding::BASE32_NOPAD;
use domain::SessionId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use store::mac::keyed;

/// Characters in a key: 25 bytes in base32.
pub const LENGTH: usize = 40;

/// Keeps this use of the MAC key apart from any other.
const PURPOSE: &[u8] = b"stele key";

const SESSION_BYTES: usize = 8;
const MAC_BYTES: usize = 17;

/// The key of `session`: 40 characters of lower-case base32 (RFC 4648, no padding), 8 bytes of session id,
/// then 136 bits of HMAC-SHA256.
pub fn issue(key_mac: &[u8; 32], session: SessionId) -> String {
    let tag = mac(key_mac, session).finalize().into_bytes();
    let bytes: Vec<u8> =
        session.0.to_be_bytes().into_iter().chain(tag).take(SESSION_BYTES + MAC_BYTES).collect();
    BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

/// The session that a key names, if the key is ours; only the one spelling that [`issue`] gives is read. The
/// MAC is compared in constant time.
pub fn parse(key_mac: &[u8; 32], key: &str) -> Option<SessionId> {
    if key.len() != LENGTH || key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let bytes = BASE32_NOPAD.decode(key.to_ascii_uppercase().as_bytes()).ok()?;
    let (session, tag) = bytes.split_first_chunk::<SESSION_BYTES>()?;
    let session = SessionId(u64::from_be_bytes(*session));
    mac(key_mac, session).verify_truncated_left(tag).ok()?;
    Some(session)
}

fn mac(key_mac: &[u8; 32], session: SessionId) -> Hmac<Sha256> {
    keyed(key_mac).chain_update(PURPOSE).chain_update(session.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 32] = [9; 32];
    const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef);

    #[test]
    fn a_key_is_the_session_and_its_mac_in_lower_case_base32() {
        assert_eq!(issue(&MAC, SESSION), "aerukz4jvpg66khiljmjbyv3sv2rkplxjyqnugdd");
    }

    #[test]
    fn a_key_names_its_session_again() {
        for session in [SessionId(0), SessionId(1), SESSION, SessionId(u64::MAX)] {
            let key = issue(&MAC, session);
            assert_eq!(key.len(), LENGTH);
            assert_eq!(parse(&MAC, &key), Some(session));
        }
    }

    #[test]
    fn a_key_with_any_one_character_changed_is_refused() {
        let key = issue(&MAC, SESSION);
        for place in 0..LENGTH {
            let mut changed = key.clone().into_bytes();
            changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
            assert_eq!(parse(&MAC, &String::from_utf8(changed).unwrap()), None, "{place}");
        }
    }

    #[test]
    fn another_spelling_of_a_key_is_refused() {
        let key = issue(&MAC, SESSION);
        let short = &key[..LENGTH - 1];
        for bad in [
            key.to_ascii_uppercase(),
            format!("{key}="),
            format!(" {short}"),
            format!("{short}1"),
            short.into(),
        ] {
            assert_eq!(parse(&MAC, &bad), None, "{bad}");
        }
        assert_eq!(parse(&MAC, ""), None);
        assert_eq!(parse(&MAC, &"é".repeat(LENGTH / 2)), None);
    }

    #[test]
    fn a_key_made_under_another_secret_is_refused() {
        assert_eq!(parse(&[8; 32], &issue(&MAC, SESSION)), None);
    }
}
