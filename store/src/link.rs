//! The secrets in mail links: derived from a key and the facts that they vouch for, never stored.
//! Pure: keys and time come in as arguments. Knows neither URLs nor mails, nor where link keys are kept.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use domain::UserId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::mac::keyed;

/// 160 bits; ASVS 7.2.3 asks for 128.
const MAC_BYTES: usize = 20;

const LONGEST_KEY_ID: usize = 32;

/// Longer texts are refused unread: the longest of ours has 109 characters.
const LONGEST_SECRET: usize = 128;

/// What a link lets its holder do; a secret made for one purpose never fits another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::VerifyEmail => b"stele link: verify e-mail",
            Self::ResetPassword => b"stele link: reset password",
        }
    }
}

/// Why a secret does not open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Not made for this user, address, purpose and epoch, or not under this key.
    #[error("the link does not fit")]
    Unfit,
    #[error("the link has expired")]
    Expired,
}

/// A key that links are derived from. Its id travels in the link, so that older keys still open theirs.
pub struct LinkKey {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl LinkKey {
    /// `id`: 1 to 32 of `A-Z a-z 0-9 _ -`; else `None`.
    pub fn new(id: String, secret: [u8; 32]) -> Option<Self> {
        is_key_id(&id).then_some(Self { id, secret: Zeroizing::new(secret) })
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LinkKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The facts that a link vouches for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub user: UserId,
    /// The address that the mail goes to, in canonical form.
    pub email: &'a str,
    /// The user's epoch: raised by every change of his credentials, so that older links die with them.
    pub epoch: u32,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// What a password-reset link carries, in the two parts of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetLink {
    /// The user's key as Django spells it: base64url of the decimal digits.
    pub uid: String,
    pub token: String,
}

/// The key that confirms an address: one word of lower-case letters and digits, opaque to clients.
pub fn verify_email_key(key: &LinkKey, subject: &Subject<'_>) -> String {
    spell(&[&sealed(key, Purpose::VerifyEmail, subject), &subject.user.0.to_be_bytes(), key.id.as_bytes()])
}

/// The two secrets of a reset link.
pub fn reset_link(key: &LinkKey, subject: &Subject<'_>) -> ResetLink {
    ResetLink {
        uid: BASE64URL_NOPAD.encode(subject.user.to_string().as_bytes()),
        token: spell(&[&sealed(key, Purpose::ResetPassword, subject), key.id.as_bytes()]),
    }
}

/// A link as it came back. Nothing in it is to be believed before [`Link::check`] has said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    purpose: Purpose,
    user: UserId,
    expires_at: i64,
    key_id: String,
    mac: [u8; MAC_BYTES],
}

impl Link {
    /// Reads what [`verify_email_key`] wrote; `None` for any other text.
    pub fn parse_verify_email(key: &str) -> Option<Self> {
        let bytes = unspell(key)?;
        let (mac, rest) = bytes.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (user, key_id) = rest.split_first_chunk()?;
        Self::assemble(Purpose::VerifyEmail, UserId(i64::from_be_bytes(*user)), (mac, expires_at), key_id)
    }

    /// Reads what [`reset_link`] wrote; `None` for any other texts.
    pub fn parse_reset(uid: &str, token: &str) -> Option<Self> {
        let bytes = unspell(token)?;
        let (mac, rest) = bytes.split_first_chunk()?;
        let (expires_at, key_id) = rest.split_first_chunk()?;
        Self::assemble(Purpose::ResetPassword, parse_uid(uid)?, (mac, expires_at), key_id)
    }

    fn assemble(
        purpose: Purpose,
        user: UserId,
        (mac, expires_at): (&[u8; MAC_BYTES], &[u8; 8]),
        key_id: &[u8],
    ) -> Option<Self> {
        let key_id = String::from_utf8(key_id.to_vec()).ok().filter(|id| is_key_id(id))?;
        Some(Self { purpose, user, expires_at: i64::from_be_bytes(*expires_at), key_id, mac: *mac })
    }

    /// Whose stream to fold before asking [`Link::check`].
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Which link key to ask [`Link::check`] with.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether this link was made under `key` for the user as he is now, his address and epoch, and still
    /// lives at `now` (microseconds since the Unix epoch, no leeway). The MAC is compared in constant time,
    /// and before the expiry.
    pub fn check(&self, key: &LinkKey, email: &str, epoch: u32, now: i64) -> Result<(), LinkError> {
        let subject = Subject { user: self.user, email, epoch, expires_at: self.expires_at };
        let fits = mac(key, self.purpose, &subject).verify_truncated_left(&self.mac).is_ok();
        if !fits || key.id != self.key_id {
            return Err(LinkError::Unfit);
        }
        if self.expires_at <= now.div_euclid(1_000_000) { Err(LinkError::Expired) } else { Ok(()) }
    }
}

/// The user that a reset `uid` names; only the spelling that [`reset_link`] gives is read.
pub fn parse_uid(uid: &str) -> Option<UserId> {
    let digits = BASE64URL_NOPAD.decode(uid.as_bytes()).ok()?;
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// MAC and expiry: how every secret begins.
fn sealed(key: &LinkKey, purpose: Purpose, subject: &Subject<'_>) -> [u8; MAC_BYTES + 8] {
    let tag = mac(key, purpose, subject).finalize().into_bytes();
    let mut sealed = [0; MAC_BYTES + 8];
    let bytes = tag.into_iter().take(MAC_BYTES).chain(subject.expires_at.to_be_bytes());
    for (place, byte) in sealed.iter_mut().zip(bytes) {
        *place = byte;
    }
    sealed
}

/// Every part goes in with its length, so that no two subjects give the same bytes.
fn mac(key: &LinkKey, purpose: Purpose, subject: &Subject<'_>) -> Hmac<Sha256> {
    let parts: [&[u8]; 5] = [
        purpose.label(),
        &subject.user.0.to_be_bytes(),
        subject.email.as_bytes(),
        &subject.expires_at.to_be_bytes(),
        &subject.epoch.to_be_bytes(),
    ];
    parts.into_iter().fold(keyed(&key.secret), |mac, part| {
        mac.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
    })
}

/// Lower-case base32: survives every mail client, URL and double click.
fn spell(parts: &[&[u8]]) -> String {
    BASE32_NOPAD.encode(&parts.concat()).to_ascii_lowercase()
}

fn unspell(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST_SECRET || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()
}

fn is_key_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=LONGEST_KEY_ID).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
