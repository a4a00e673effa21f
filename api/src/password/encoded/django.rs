//! Django's other encodings, to be read only: a right password is hashed anew. Each takes the string after its
//! algorithm's name and the `$` that follows, and tells whether the password is right.

use base64::{Engine, engine::general_purpose::STANDARD};
use bcrypt::HashParts;
use data_encoding::HEXLOWER;
use hmac::Hmac;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{EncodedError, number, within};
use crate::password::arena::Arena;

const MOST_ITERATIONS: u32 = 5_000_000;
const MOST_BCRYPT_COST: u32 = 16;
/// 256 MiB of memory; and no more than 1 GiB written to it in all, so that `p` is bound too.
const MOST_SCRYPT_MEMORY: u64 = 256 << 20;
const MOST_SCRYPT_WORK: u64 = 1 << 30;

/// `iterations$salt$hash`, PBKDF2 with HMAC-SHA-256 (RFC 8018).
pub(super) fn pbkdf2(password: &str, stored: &str, arena: &mut Arena) -> Result<bool, EncodedError> {
    let fields: Vec<&str> = stored.split('$').collect();
    let [iterations, salt, hash] = fields[..] else {
        return Err(EncodedError::Unknown);
    };
    let iterations = number(iterations)?;
    let hash: [u8; 32] = base64(hash)?;
    within((1..=MOST_ITERATIONS).contains(&iterations))?;
    let mut derived = [0; 32];
    arena.count();
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), salt.as_bytes(), iterations, &mut derived)
        .map_err(|_| EncodedError::Unknown)?;
    Ok(derived.ct_eq(&hash).into())
}

/// `$2b$cost$…`, bcrypt of the password's SHA-256 in hex, which fits into the 72 bytes that bcrypt reads.
pub(super) fn bcrypt(password: &str, stored: &str, arena: &mut Arena) -> Result<bool, EncodedError> {
    let parts: HashParts = stored.parse().map_err(|_| EncodedError::Unknown)?;
    within((4..=MOST_BCRYPT_COST).contains(&parts.get_cost()))?;
    let digest = Zeroizing::new(HEXLOWER.encode(&Sha256::digest(password)));
    arena.count();
    bcrypt::verify(digest.as_bytes(), stored).map_err(|_| EncodedError::Unknown)
}

/// `n$salt$r$p$hash` (RFC 7914).
pub(super) fn scrypt(password: &str, stored: &str, arena: &mut Arena) -> Result<bool, EncodedError> {
    let fields: Vec<&str> = stored.split('$').collect();
    let [n, salt, r, p, hash] = fields[..] else {
        return Err(EncodedError::Unknown);
    };
    let (n, r, p) = (number(n)?, number(r)?, number(p)?);
    let hash: [u8; 64] = base64(hash)?;
    let params = scrypt_params(n, r, p)?;
    let mut derived = [0; 64];
    arena.count();
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut derived)
        .map_err(|_| EncodedError::Unknown)?;
    Ok(derived.ct_eq(&hash).into())
}

fn scrypt_params(n: u32, r: u32, p: u32) -> Result<scrypt::Params, EncodedError> {
    let memory = (u64::from(n) * u64::from(r)).saturating_mul(128);
    within(memory <= MOST_SCRYPT_MEMORY && memory.saturating_mul(p.into()) <= MOST_SCRYPT_WORK)?;
    within(n > 1 && n.is_power_of_two())?;
    let log_n = u8::try_from(n.ilog2()).map_err(|_| EncodedError::OutOfBounds)?;
    scrypt::Params::new(log_n, r, p).map_err(|_| EncodedError::OutOfBounds)
}

fn base64<const N: usize>(text: &str) -> Result<[u8; N], EncodedError> {
    let bytes = STANDARD.decode(text).map_err(|_| EncodedError::Unknown)?;
    bytes.try_into().map_err(|_| EncodedError::Unknown)
}
