//! Notes to ourselves that pass through a browser: sealed, so that nobody else reads or writes one, and good for a while. Any node
//! opens what another one sealed. Knows neither what notes say nor whether one was used before.

use data_encoding::BASE64URL_NOPAD;
use domain::Time;
use hmac::Mac;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{mac::keyed, vault};

/// Longer texts are refused unread; a browser keeps no cookie of that size.
const LONGEST: usize = 4096;

/// What notes are sealed with. It follows from another key, so that there is none to be kept.
pub struct TicketKey(Zeroizing<[u8; 32]>);

impl TicketKey {
    /// The key for notes of an installation that has this secret.
    pub fn derived_from(secret: &[u8; 32]) -> Self {
        let derived = keyed(secret).chain_update(b"stele tickets").finalize().into_bytes();
        Self(Zeroizing::new(derived.into()))
    }

    /// A note that opens for the same purpose only, and before `expires_at`. None where `note` has no JSON.
    pub fn seal(&self, purpose: &str, note: &impl Serialize, expires_at: Time) -> Option<String> {
        let mut bytes = Zeroizing::new(expires_at.0.to_be_bytes().to_vec());
        serde_json::to_writer(&mut *bytes, note).ok()?;
        Some(BASE64URL_NOPAD.encode(&vault::seal(&self.0, purpose.as_bytes(), &bytes)))
    }

    /// What was sealed, if this is a note for the purpose and lives at `now`.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, ticket: &str, now: Time) -> Option<T> {
        if ticket.len() > LONGEST {
            return None;
        }
        let sealed = BASE64URL_NOPAD.decode(ticket.as_bytes()).ok()?;
        let bytes = Zeroizing::new(vault::open(&self.0, purpose.as_bytes(), &sealed)?);
        let (expires_at, note) = bytes.split_first_chunk()?;
        if i64::from_be_bytes(*expires_at) <= now.0 {
            return None;
        }
        serde_json::from_slice(note).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_764_000_000_000_000);
    const LATER: Time = Time(NOW.0 + 1);

    fn key() -> TicketKey {
        TicketKey::derived_from(&[7; 32])
    }

    fn opened(key: &TicketKey, purpose: &str, ticket: &str, now: Time) -> Option<String> {
        key.open(purpose, ticket, now)
    }

    #[test]
    fn a_note_opens_for_its_purpose_until_it_expires() {
        let ticket = key().seal("hello", &"a note", LATER).unwrap();

        assert_eq!(opened(&key(), "hello", &ticket, NOW).as_deref(), Some("a note"));
        assert_eq!(opened(&key(), "hello", &ticket, LATER), None);
        assert_eq!(opened(&key(), "hell", &ticket, NOW), None);
        assert_eq!(opened(&TicketKey::derived_from(&[8; 32]), "hello", &ticket, NOW), None);
    }

    #[test]
    fn a_note_that_was_changed_does_not_open() {
        let ticket = key().seal("hello", &"a note", LATER).unwrap();
        for place in 0..ticket.len() {
            let mut bytes = ticket.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(opened(&key(), "hello", &changed, NOW), None, "{place}");
        }
        for other in ["", "A", "====", &ticket[1..], &"A".repeat(LONGEST + 4)] {
            assert_eq!(opened(&key(), "hello", other, NOW), None);
        }
    }

    #[test]
    fn a_note_does_not_show_what_it_says_and_is_never_the_same_twice() {
        let [one, two] = [(); 2].map(|()| key().seal("hello", &"a note", LATER).unwrap());

        assert_ne!(one, two);
        let bytes = BASE64URL_NOPAD.decode(one.as_bytes()).unwrap();
        assert!(!bytes.windows(6).any(|six| six == b"a note"));
    }
}
