//! Access tokens that have been verified lately: a repeated token costs one hash instead of a signature
//! check. Knows nothing of revocation, which the caller checks on the claims for every request, remembered or
//! not.

use super::TokenError;
use super::jwt::{AccessClaims, Jwt};
use domain::Time;
use lru::LruCache;
use sha2::{Digest, Sha256};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// Locks are held for a map lookup only; a few of them keep the threads out of each other's way.
const SHARDS: usize = 16;

type Shard = LruCache<[u8; 32], AccessClaims>;

/// A bounded memory of verified access tokens, by SHA-256 of the token and of what it was verified against:
/// once a key is dropped or the issuer changes, nothing that was remembered before is found.
pub struct VerifiedTokens {
    shards: Vec<Mutex<Shard>>,
}

impl VerifiedTokens {
    /// Remembers about `capacity` tokens, some 150 bytes each; the least recently used one makes room.
    pub fn new(capacity: usize) -> Self {
        let each = NonZeroUsize::new(capacity.div_ceil(SHARDS)).unwrap_or(NonZeroUsize::MIN);
        Self { shards: (0..SHARDS).map(|_| Mutex::new(LruCache::new(each))).collect() }
    }

    /// As [`Jwt::verify`], for access tokens only. Nothing but a full success is remembered.
    pub fn verify(&self, jwt: &Jwt, token: &str, now: i64) -> Result<AccessClaims, TokenError> {
        let name: [u8; 32] = Sha256::new_with_prefix(jwt.fingerprint()).chain_update(token).finalize().into();
        if let Some(claims) = self.with(&name, |shard| shard.get(&name).copied()) {
            let now = Time(now).seconds();
            if claims.exp <= now {
                self.with(&name, |shard| shard.pop(&name));
                return Err(TokenError::Expired);
            }
            // Where the clock was set back, one that is remembered is judged like one that is not.
            return if claims.not_before() > now { Err(TokenError::Invalid) } else { Ok(claims) };
        }
        let claims = jwt.verify(token, now)?.access()?;
        self.with(&name, |shard| shard.put(name, claims));
        Ok(claims)
    }

    fn with<T>(&self, name: &[u8; 32], act: impl FnOnce(&mut Shard) -> Option<T>) -> Option<T> {
        let shard = self.shards.get(usize::from(*name.first()?) % SHARDS)?;
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
