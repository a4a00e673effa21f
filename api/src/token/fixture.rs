//! Keys and claims that the tests of this module share. All of it is derived from fixed numbers: nothing here
//! is secret.

use super::jwt::{AccessClaims, Jwt, RefreshClaims};
use super::keyring::{Algorithm, Keyring, MacKeys, SigningKey};
use data_encoding::BASE64URL_NOPAD;
use domain::{SessionId, UserId};
use zeroize::Zeroizing;

pub(super) const ISSUER: &str = "https://auth.example.com";
pub(super) const AUDIENCE: &str = "stele";

/// Seconds since the Unix epoch at which the tests take place.
pub(super) const IAT: i64 = 1_764_000_000;
/// The same moment in microseconds.
pub(super) const NOW: i64 = IAT * 1_000_000;

pub(super) const ACCESS: AccessClaims = AccessClaims {
    user: UserId(42),
    session: SessionId(0x1a2b),
    epoch: 3,
    iat: IAT,
    exp: IAT + 300,
    jti: [4; 16],
};
pub(super) const REFRESH: RefreshClaims =
    RefreshClaims { user: UserId(42), session: SessionId(0x1a2b), counter: 7, iat: IAT, exp: IAT + 86_400 };

/// The Ed25519 key of RFC 8037, appendix A.
pub(super) fn rfc8037_key() -> SigningKey {
    let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    SigningKey::generate(Algorithm::EdDsa, 0, &mut |out| out.copy_from_slice(&seed)).unwrap()
}

/// A key that depends on `seed` alone.
pub(super) fn key(algorithm: Algorithm, seed: u64) -> SigningKey {
    SigningKey::generate(algorithm, 0, &mut stream(seed)).unwrap()
}

/// Bytes that look random and are not (`SplitMix64`).
pub(super) fn stream(mut state: u64) -> impl FnMut(&mut [u8]) {
    move |out| {
        for place in out {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *place = (mixed >> 56) as u8;
        }
    }
}

pub(super) fn ring(keys: &[SigningKey], algorithm: Algorithm) -> Keyring {
    let macs = MacKeys { refresh: Zeroizing::new([1; 32]), opaque: Zeroizing::new([2; 32]) };
    Keyring::new(keys, algorithm, macs).unwrap()
}

pub(super) fn jwt(keys: &[SigningKey]) -> Jwt {
    let algorithm = keys.first().map_or(Algorithm::EdDsa, |key| key.algorithm);
    Jwt::new(ring(keys, algorithm), ISSUER.into(), AUDIENCE.into())
}
