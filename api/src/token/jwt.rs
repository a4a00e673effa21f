//! Access and refresh tokens as signed JWTs: made from claims, and read back strictly.
//! Knows neither the log nor which sessions have ended; a token that verifies here may still be revoked.

use super::TokenError;
use super::keyring::Keyring;
use super::wire::{Object, Parts};
use data_encoding::BASE64URL_NOPAD;
use domain::{SessionId, Time, UserId};
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::mac::keyed;
use thiserror::Error;

/// How far before its `iat` an access token may be used, in seconds: another node's clock may be this much
/// behind. It lies in the token (`nbf`), so that every verifier grants it and none needs a leeway.
const CLOCK_SKEW: i64 = 30;

/// Explicit types (RFC 8725, section 3.11; RFC 9068 names the first).
const ACCESS_TYP: &str = "at+jwt";
const REFRESH_TYP: &str = "rt+jwt";

/// What an access token says. Times are whole seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    pub user: UserId,
    pub session: SessionId,
    /// The user's epoch that the session was proved against.
    pub epoch: u32,
    pub iat: i64,
    pub exp: i64,
    /// Random, from the caller.
    pub jti: [u8; 16],
}

impl AccessClaims {
    /// Before this moment the token opens nothing.
    pub(super) fn not_before(&self) -> i64 {
        self.iat.saturating_sub(CLOCK_SKEW).max(0)
    }
}

/// What a refresh token says. Times are whole seconds since the Unix epoch. Its `jti` follows from session
/// and counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    pub user: UserId,
    pub session: SessionId,
    pub counter: u32,
    pub iat: i64,
    pub exp: i64,
}

/// A token of ours, alive, of either type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    Access(AccessClaims),
    Refresh(RefreshClaims),
}

impl Verified {
    /// The claims of an access token; else [`TokenError::WrongType`].
    pub const fn access(self) -> Result<AccessClaims, TokenError> {
        match self {
            Self::Access(claims) => Ok(claims),
            Self::Refresh(_) => Err(TokenError::WrongType),
        }
    }

    /// The claims of a refresh token; else [`TokenError::WrongType`].
    pub const fn refresh(self) -> Result<RefreshClaims, TokenError> {
        match self {
            Self::Refresh(claims) => Ok(claims),
            Self::Access(_) => Err(TokenError::WrongType),
        }
    }
}

/// Why a token cannot be made.
#[derive(Debug, Error)]
pub enum SignError {
    #[error("there is no signing key of the configured algorithm")]
    NoActiveKey,
    #[error("the signing key {kid} is not loaded")]
    UnknownKey { kid: String },
    #[error("the claims cannot be written")]
    Claims(#[source] serde_json::Error),
    #[error("the signature cannot be made")]
    Signature(#[source] jsonwebtoken::errors::Error),
}

/// Makes and reads the tokens of one issuer for one audience.
pub struct Jwt {
    keyring: Keyring,
    issuer: String,
    audience: String,
    fingerprint: [u8; 32],
}

impl Jwt {
    pub fn new(keyring: Keyring, issuer: String, audience: String) -> Self {
        let fingerprint = fingerprint(&keyring, &issuer, &audience);
        Self { keyring, issuer, audience, fingerprint }
    }

    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Stands for all that decides whether a token verifies: keys, issuer and audience.
    pub(super) const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// An access token under the key that is active at `now` (microseconds).
    pub fn sign_access(&self, claims: &AccessClaims, now: i64) -> Result<String, SignError> {
        let kid = self.keyring.active(now).ok_or(SignError::NoActiveKey)?;
        let user = claims.user.to_string();
        let payload = AccessPayload {
            token_type: "access",
            exp: claims.exp,
            iat: claims.iat,
            nbf: claims.not_before(),
            jti: &BASE64URL_NOPAD.encode(&claims.jti),
            sub: &user,
            user_id: &user,
            sid: &claims.session.to_string(),
            epoch: claims.epoch,
            iss: &self.issuer,
            aud: &self.audience,
        };
        self.sign(kid, ACCESS_TYP, &payload)
    }

    /// A refresh token under the key `kid`: take [`Keyring::active`] for a new one and record it. The same
    /// claims under the same key give the same bytes, so that a retried refresh can be answered again without
    /// having stored the token.
    pub fn sign_refresh(&self, claims: &RefreshClaims, kid: &str) -> Result<String, SignError> {
        let user = claims.user.to_string();
        let mac: [u8; 32] = self.refresh_mac(claims.session, claims.counter).finalize().into_bytes().into();
        let (jti, _) = mac.split_at(16);
        let payload = RefreshPayload {
            token_type: "refresh",
            exp: claims.exp,
            iat: claims.iat,
            jti: &BASE64URL_NOPAD.encode(jti),
            sub: &user,
            user_id: &user,
            sid: &claims.session.to_string(),
            cnt: claims.counter,
            iss: &self.issuer,
            aud: &self.audience,
        };
        self.sign(kid, REFRESH_TYP, &payload)
    }

    /// Reads a token of either type at `now` (microseconds). Signature and shape come first, then `nbf`,
    /// `exp`, issuer and audience, the order of the reference: an expired token is called expired whatever
    /// its type. Headers that point to keys (`jku`, `x5u`, `jwk`, `x5c`) are never looked at (RFC 8725,
    /// section 3.10).
    pub fn verify(&self, token: &str, now: i64) -> Result<Verified, TokenError> {
        let parts = Parts::split(token)?;
        let key = self.keyring.key(parts.header.text("kid")?).ok_or(TokenError::Invalid)?;
        if parts.header.text("alg")? != key.algorithm().as_str() || parts.header.has("crit") {
            return Err(TokenError::Invalid);
        }
        key.verify(parts.message, parts.signature)?;
        let claims = parts.claims()?;
        let (verified, exp) = match (claims.text("token_type")?, parts.header.text("typ")?) {
            ("access", ACCESS_TYP) => access(&claims, now).map(|read| (Verified::Access(read), read.exp))?,
            ("refresh", REFRESH_TYP) => {
                self.refresh(&claims).map(|read| (Verified::Refresh(read), read.exp))?
            }
            _ => return Err(TokenError::Invalid),
        };
        let (issuer, audience) = (claims.text("iss")?, claims.text("aud")?);
        if exp <= Time(now).seconds() {
            return Err(TokenError::Expired);
        }
        if issuer != self.issuer || audience != self.audience {
            return Err(TokenError::Invalid);
        }
        Ok(verified)
    }

    fn sign(&self, kid: &str, typ: &str, payload: &impl Serialize) -> Result<String, SignError> {
        let key = self.keyring.key(kid).ok_or_else(|| SignError::UnknownKey { kid: kid.to_owned() })?;
        let header = serde_json::to_vec(&Header { alg: key.algorithm().as_str(), typ, kid })
            .map_err(SignError::Claims)?;
        let payload = serde_json::to_vec(payload).map_err(SignError::Claims)?;
        let message = format!("{}.{}", BASE64URL_NOPAD.encode(&header), BASE64URL_NOPAD.encode(&payload));
        let signature = key.sign(&message).map_err(SignError::Signature)?;
        Ok(format!("{message}.{signature}"))
    }

    fn refresh(&self, claims: &Object) -> Result<RefreshClaims, TokenError> {
        let (session, counter) = (session(claims)?, claims.count("cnt")?);
        let jti = claims.id("jti")?;
        self.refresh_mac(session, counter).verify_truncated_left(&jti).map_err(|_| TokenError::Invalid)?;
        let (iat, exp) = (claims.seconds("iat")?, claims.seconds("exp")?);
        Ok(RefreshClaims { user: user(claims)?, session, counter, iat, exp })
    }

    fn refresh_mac(&self, session: SessionId, counter: u32) -> Hmac<Sha256> {
        keyed(self.keyring.refresh_mac())
            .chain_update(session.0.to_be_bytes())
            .chain_update(counter.to_be_bytes())
    }
}

fn access(claims: &Object, now: i64) -> Result<AccessClaims, TokenError> {
    let read = AccessClaims {
        user: user(claims)?,
        session: session(claims)?,
        epoch: claims.count("epoch")?,
        iat: claims.seconds("iat")?,
        exp: claims.seconds("exp")?,
        jti: claims.id("jti")?,
    };
    if claims.seconds("nbf")? > Time(now).seconds() { Err(TokenError::Invalid) } else { Ok(read) }
}

/// `sub` and `user_id` both carry the user's key as a decimal string, spelled in the one way that it is
/// written.
fn user(claims: &Object) -> Result<UserId, TokenError> {
    let text = claims.text("sub")?;
    let user = text.parse().map_err(|_| TokenError::Invalid)?;
    if claims.text("user_id")? == text { Ok(user) } else { Err(TokenError::Invalid) }
}

fn session(claims: &Object) -> Result<SessionId, TokenError> {
    claims.text("sid")?.parse().map_err(|_| TokenError::Invalid)
}

fn fingerprint(keyring: &Keyring, issuer: &str, audience: &str) -> [u8; 32] {
    let mut kids: Vec<&str> = keyring.kids().collect();
    kids.sort_unstable();
    let mut digest = Sha256::new();
    for part in [issuer, audience].into_iter().chain(kids) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct AccessPayload<'a> {
    token_type: &'a str,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'a str,
    sub: &'a str,
    user_id: &'a str,
    sid: &'a str,
    epoch: u32,
    iss: &'a str,
    aud: &'a str,
}

#[derive(Serialize)]
struct RefreshPayload<'a> {
    token_type: &'a str,
    exp: i64,
    iat: i64,
    jti: &'a str,
    sub: &'a str,
    user_id: &'a str,
    sid: &'a str,
    cnt: u32,
    iss: &'a str,
    aud: &'a str,
}

#[cfg(test)]
mod tests;
