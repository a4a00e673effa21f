//! New signing keys from a source of random bytes that the caller gives. Knows nothing of where they are
//! kept.

use super::keyring::{Algorithm, KeyError, SigningKey, read, thumbprint};
use data_encoding::BASE64URL_NOPAD;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use zeroize::Zeroizing;

/// PKCS#8 around a 32 byte Ed25519 seed (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

/// PKCS#8 around a 32 byte P-256 scalar (RFC 5915, without the optional public half).
const P256_PREFIX: [u8; 35] = [
    48, 65, 2, 1, 0, 48, 19, 6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7, 4, 39,
    48, 37, 2, 1, 1, 4, 32,
];

/// NIST SP 800-57: 112 bits of strength, enough for the short life of a token.
const RSA_BITS: usize = 2048;

/// About one 32 byte string in 2^32 is no P-256 scalar; more misses than this mean broken randomness.
const ATTEMPTS: usize = 4;

type Random<'a> = dyn FnMut(&mut [u8]) + 'a;

impl SigningKey {
    /// A new key; `random` must fill what it is given from a cryptographic source. Signs from `created_at`
    /// (microseconds since the Unix epoch). RS256 takes seconds: keep it off the async threads.
    pub fn generate(
        algorithm: Algorithm,
        created_at: i64,
        random: &mut Random<'_>,
    ) -> Result<Self, KeyError> {
        for _ in 0..ATTEMPTS {
            let private = private(algorithm, random)?;
            if let Some((_, public)) = read(algorithm, &private) {
                let kid = public.map_or_else(|| Some(random_id(random)), |jwk| thumbprint(&jwk));
                let kid = kid.ok_or(KeyError::NotMade(algorithm))?;
                return Ok(Self { kid, algorithm, private, created_at, retired_at: None });
            }
        }
        Err(KeyError::NotMade(algorithm))
    }
}

fn private(algorithm: Algorithm, random: &mut Random<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    let prefix: &[u8] = match algorithm {
        Algorithm::EdDsa => &ED25519_PREFIX,
        Algorithm::Es256 => &P256_PREFIX,
        Algorithm::Hs256 => &[],
        Algorithm::Rs256 => return rsa_private(RSA_BITS, random),
    };
    random(seed.as_mut_slice());
    Ok(Zeroizing::new([prefix, seed.as_slice()].concat()))
}

fn rsa_private(bits: usize, random: &mut Random<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let not_made = KeyError::NotMade(Algorithm::Rs256);
    let Ok(key) = rsa::RsaPrivateKey::new(&mut Source(random), bits) else {
        return Err(not_made);
    };
    let Ok(der) = key.to_pkcs8_der() else {
        return Err(not_made);
    };
    Ok(der.to_bytes())
}

fn random_id(random: &mut Random<'_>) -> String {
    let mut id = [0_u8; 16];
    random(&mut id);
    BASE64URL_NOPAD.encode(&id)
}

/// The caller's randomness in the shape that the `rsa` crate asks for.
struct Source<'a, 'b>(&'a mut Random<'b>);

impl RngCore for Source<'_, '_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0_u8; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0_u8; 8];
        (self.0)(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        (self.0)(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (self.0)(out);
        Ok(())
    }
}

impl CryptoRng for Source<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::super::fixture::{key, stream};
    use super::*;
    use rsa::pkcs8::DecodePrivateKey;
    use rsa::traits::PublicKeyParts;

    #[test]
    fn a_new_key_depends_on_nothing_but_the_random_bytes() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256] {
            assert_eq!(key(algorithm, 1).private, key(algorithm, 1).private);
            assert_ne!(key(algorithm, 1).private, key(algorithm, 2).private);
            assert_ne!(key(algorithm, 1).kid, key(algorithm, 2).kid);
        }
    }

    #[test]
    fn a_new_rsa_key_has_2048_bits_and_a_smaller_one_is_not_read() {
        let made = rsa::RsaPrivateKey::from_pkcs8_der(&key(Algorithm::Rs256, 1).private).unwrap();
        assert_eq!(made.size() * 8, 2048);
        let small = rsa_private(1024, &mut stream(1)).unwrap();
        assert!(rsa::RsaPrivateKey::from_pkcs8_der(&small).is_ok());
        assert!(read(Algorithm::Rs256, &small).is_none());
    }
}
