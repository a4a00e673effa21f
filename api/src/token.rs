//! Tokens and cookies: how a session is shown to a client and recognised again.
//! Pure: keys, time and randomness come in as arguments. Knows neither HTTP answers, nor the log,
//! nor which sessions have ended: that is asked by the caller, for every request.

use thiserror::Error;

pub mod cookie;
pub mod jwt;
pub mod keyring;
pub mod opaque;
pub mod verified;

mod generate;
mod wire;

#[cfg(test)]
mod fixture;

/// Why a JWT is refused. The texts are those of the recorded contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not one of ours: shape, key, signature, issuer, audience, or a claim of the wrong kind.
    #[error("Token is invalid")]
    Invalid,
    /// Ours, and its `exp` has come.
    #[error("Token is expired")]
    Expired,
    /// Ours and alive, but an access token where a refresh token belongs, or the reverse.
    #[error("Token has wrong type")]
    WrongType,
}

impl TokenError {
    /// The sentence that the contract's answers carry.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Invalid => "Token is invalid",
            Self::Expired => "Token is expired",
            Self::WrongType => "Token has wrong type",
        }
    }
}
