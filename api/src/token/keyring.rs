//! The keys that tokens are made and checked with, as loaded from the vault, and their public half (JWKS).
//! Knows neither where keys are kept, nor what a token says.

use super::TokenError;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use zeroize::Zeroizing;

/// How tokens are signed (RFC 7518, RFC 8037). One key serves one algorithm (RFC 8725, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
    Hs256,
}

impl Algorithm {
    /// The registered name, as the `alg` header carries it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    const fn native(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(KeyError::UnknownAlgorithm)
    }
}

/// Why key material cannot be used or made.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("no such signing algorithm: EdDSA, ES256, RS256 and HS256 are known")]
    UnknownAlgorithm,
    #[error("the key {kid} is no usable {algorithm} key")]
    Unusable { kid: String, algorithm: Algorithm },
    #[error("the key {kid} does not have the id that its public half demands")]
    WrongId { kid: String },
    #[error("two signing keys have the id {kid}")]
    Twice { kid: String },
    #[error("no {0} key could be made: the source of randomness is broken")]
    NotMade(Algorithm),
}

/// Stored key material.
#[derive(Clone)]
pub struct SigningKey {
    /// RFC 7638 thumbprint of the public half; a random id for HS256.
    pub kid: String,
    pub algorithm: Algorithm,
    /// PKCS#8 DER; for HS256 the secret itself, 32 bytes or more.
    pub private: Zeroizing<Vec<u8>>,
    /// Microseconds since the Unix epoch. It signs nothing before; a key made for later is published at once.
    pub created_at: i64,
    /// Microseconds since the Unix epoch; from then on it signs nothing, and verifies until it is dropped.
    pub retired_at: Option<i64>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("SigningKey");
        shown.field("kid", &self.kid).field("algorithm", &self.algorithm);
        shown.field("created_at", &self.created_at).field("retired_at", &self.retired_at);
        shown.finish_non_exhaustive()
    }
}

/// The symmetric keys beside the signing keys.
#[derive(Clone)]
pub struct MacKeys {
    /// Makes the `jti` of refresh tokens.
    pub refresh: Zeroizing<[u8; 32]>,
    /// Makes the opaque keys of key mode.
    pub opaque: Zeroizing<[u8; 32]>,
}

/// One signing key, ready for use.
pub(super) struct Key {
    algorithm: Algorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// Absent for a shared secret, which must never be published.
    public: Option<Jwk>,
    created_at: i64,
    retired_at: Option<i64>,
}

/// Every key that still signs or verifies. Replaced as a whole when the stored keys change.
pub struct Keyring {
    keys: HashMap<String, Key>,
    algorithm: Algorithm,
    macs: MacKeys,
}

impl Keyring {
    /// Refuses the whole ring over one bad key: a node that knows fewer keys than the others refuses good
    /// tokens.
    pub fn new(keys: &[SigningKey], algorithm: Algorithm, macs: MacKeys) -> Result<Self, KeyError> {
        let mut ready = HashMap::with_capacity(keys.len());
        for key in keys {
            if ready.insert(key.kid.clone(), Key::load(key)?).is_some() {
                return Err(KeyError::Twice { kid: key.kid.clone() });
            }
        }
        Ok(Self { keys: ready, algorithm, macs })
    }

    /// The id of the key that signs at `now` (microseconds): the newest unretired one of the configured
    /// algorithm that has come into force. When none has yet, the oldest: a slow clock must not stop a first
    /// start.
    pub fn active(&self, now: i64) -> Option<&str> {
        let usable = || {
            self.keys.iter().filter(|(_, key)| {
                key.algorithm == self.algorithm && key.retired_at.is_none_or(|retired| now < retired)
            })
        };
        let in_force = usable().filter(|(_, key)| key.created_at <= now);
        in_force
            .max_by_key(|(kid, key)| (key.created_at, *kid))
            .or_else(|| usable().min_by_key(|(kid, key)| (key.created_at, *kid)))
            .map(|(kid, _)| kid.as_str())
    }

    /// The public keys as a JWK set (RFC 7517), newest first; shared secrets are left out.
    pub fn jwks(&self) -> Value {
        let mut public: Vec<_> = self
            .keys
            .iter()
            .filter_map(|(kid, key)| Some((key.created_at, kid, key.public.as_ref()?)))
            .collect();
        public.sort_by_key(|(created_at, kid, _)| std::cmp::Reverse((*created_at, *kid)));
        json!({ "keys": public.into_iter().map(|(_, _, jwk)| jwk).collect::<Vec<_>>() })
    }

    /// The key under which opaque keys are made.
    pub fn opaque_mac(&self) -> &[u8; 32] {
        &self.macs.opaque
    }

    pub(super) fn refresh_mac(&self) -> &[u8; 32] {
        &self.macs.refresh
    }

    pub(super) fn key(&self, kid: &str) -> Option<&Key> {
        self.keys.get(kid)
    }

    pub(super) fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}

impl Key {
    fn load(stored: &SigningKey) -> Result<Self, KeyError> {
        let unusable = || KeyError::Unusable { kid: stored.kid.clone(), algorithm: stored.algorithm };
        let (signing, mut public) = read(stored.algorithm, &stored.private).ok_or_else(unusable)?;
        let verifying = match &mut public {
            None => DecodingKey::from_secret(&stored.private),
            Some(jwk) if thumbprint(jwk).as_ref() != Some(&stored.kid) => {
                return Err(KeyError::WrongId { kid: stored.kid.clone() });
            }
            Some(jwk) => {
                jwk.common.key_id = Some(stored.kid.clone());
                jwk.common.public_key_use = Some(PublicKeyUse::Signature);
                DecodingKey::from_jwk(jwk).map_err(|_| unusable())?
            }
        };
        let SigningKey { algorithm, created_at, retired_at, .. } = *stored;
        Ok(Self { algorithm, signing, verifying, public, created_at, retired_at })
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The signature of `message` as base64url.
    pub(super) fn sign(&self, message: &str) -> Result<String, jsonwebtoken::errors::Error> {
        crypto::sign(message.as_bytes(), &self.signing, self.algorithm.native())
    }

    pub(super) fn verify(&self, message: &str, signature: &str) -> Result<(), TokenError> {
        match crypto::verify(signature, message.as_bytes(), &self.verifying, self.algorithm.native()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenError::Invalid),
        }
    }
}

/// The private key in the form that signs and, unless it is a shared secret, its public half.
pub(super) fn read(algorithm: Algorithm, private: &[u8]) -> Option<(EncodingKey, Option<Jwk>)> {
    let key = match algorithm {
        Algorithm::EdDsa => EncodingKey::from_ed_der(private),
        Algorithm::Es256 => EncodingKey::from_ec_der(private),
        Algorithm::Rs256 => {
            let key = rsa::RsaPrivateKey::from_pkcs8_der(private).ok().filter(|key| key.size() >= 256)?;
            EncodingKey::from_rsa_der(key.to_pkcs1_der().ok()?.as_bytes())
        }
        Algorithm::Hs256 if private.len() < 32 => return None,
        Algorithm::Hs256 => return Some((EncodingKey::from_secret(private), None)),
    };
    let public = Jwk::from_encoding_key(&key, algorithm.native()).ok()?;
    Some((key, Some(public)))
}

/// RFC 7638, with SHA-256.
pub(super) fn thumbprint(public: &Jwk) -> Option<String> {
    public.thumbprint(ThumbprintHash::SHA256).ok()
}

#[cfg(test)]
mod tests;
