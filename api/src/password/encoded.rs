//! Passwords as they are stored: Stele's own strings, and those of Django for users who were brought along. Must not know
//! threads, users or where a string is kept.

mod argon;
mod django;

#[cfg(test)]
mod tests;

use super::arena::{Arena, ArenaError};

/// What comparing a password with its stored form came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Right, but stored by another algorithm or with other parameters than new ones are: to be hashed again.
    RightButOutdated,
    Wrong,
}

/// Why a stored hash was not compared.
#[derive(Debug, thiserror::Error)]
pub enum EncodedError {
    #[error("a stored password hash has a form that is not known")]
    Unknown,
    /// Nothing was computed.
    #[error("a stored password hash asks for more work than is granted")]
    OutOfBounds,
    #[error("a password was not hashed")]
    Unhashed(#[from] ArenaError),
}

/// The string in which a new password is stored: PHC, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
pub(super) fn hash(password: &str, salt: [u8; 16], arena: &mut Arena) -> Result<String, EncodedError> {
    argon::hash(password, salt, arena)
}

/// Compares a password with a stored string, in a time that does not tell where they differ.
///
/// Without a string, as for an unknown user, or with one that no password opens (Django's begin with `!`), the verdict
/// costs what a wrong password costs.
pub(super) fn verify(
    password: &str,
    stored: Option<&str>,
    arena: &mut Arena,
) -> Result<Verdict, EncodedError> {
    let stored = stored.filter(|stored| !stored.is_empty() && !stored.starts_with('!'));
    let Some(stored) = stored else {
        argon::hash(password, [0; 16], arena)?;
        return Ok(Verdict::Wrong);
    };
    let outdated = |right: bool| {
        if right { Verdict::RightButOutdated } else { Verdict::Wrong }
    };
    match stored.split_once('$').ok_or(EncodedError::Unknown)? {
        ("", phc) => argon::verify(password, phc, arena),
        ("argon2", phc) => {
            let phc = phc.strip_prefix('$').unwrap_or(phc);
            Ok(outdated(argon::verify(password, phc, arena)? != Verdict::Wrong))
        }
        ("pbkdf2_sha256", rest) => django::pbkdf2(password, rest, arena).map(outdated),
        ("bcrypt_sha256", rest) => django::bcrypt(password, rest, arena).map(outdated),
        ("scrypt", rest) => django::scrypt(password, rest, arena).map(outdated),
        _ => Err(EncodedError::Unknown),
    }
}

/// A parameter as it is written: digits and nothing else. One that overflows is out of any bounds.
fn number(text: &str) -> Result<u32, EncodedError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EncodedError::Unknown);
    }
    text.parse().map_err(|_| EncodedError::OutOfBounds)
}

fn within(granted: bool) -> Result<(), EncodedError> {
    if granted { Ok(()) } else { Err(EncodedError::OutOfBounds) }
}
