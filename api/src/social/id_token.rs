//! ID tokens (OpenID Connect Core 1.0, section 3.1.3.7): whether one is of the issuer in the settings, for us, alive, an
//! answer to the nonce, and signed by a published key. Says who it is about only then.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use serde::Deserialize;
use store::clock;

use super::{Identity, ProviderError, keys::Keys, outbound::Outbound, parted};

/// Signatures that a published key verifies; a secret is shared with nobody.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// By how many seconds another clock may be ahead of ours.
const CLOCK_SKEW: i64 = 60;

/// What an ID token must say.
pub(super) struct Expected<'a> {
    pub(super) issuers: &'a [&'a str],
    pub(super) client_id: &'a str,
    /// None where none was asked for: the token must have none then.
    pub(super) nonce: Option<&'a str>,
}

/// A text where a number belongs, or a field twice, makes it no token.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Truth,
    preferred_username: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Some providers write it as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Truth {
    Plain(bool),
    Text(String),
}

impl Default for Truth {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl From<Truth> for bool {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Plain(truth) => truth,
            Truth::Text(text) => text == "true",
        }
    }
}

/// The claims of a token that is what it should be. `source` is where the issuer publishes its keys.
pub(super) async fn judge(
    token: &str,
    expected: &Expected<'_>,
    keys: &Keys,
    source: (&Outbound, &str),
) -> Result<Claims, ProviderError> {
    let header = decode_header(token).map_err(|_| ProviderError::Refused("it is no ID token"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(ProviderError::Refused("it is not signed by a published key"));
    }
    let key = keys.find(header.kid.as_deref(), source).await?;
    let claims = signed(token, header.alg, &key)?;
    claims.check(expected, clock::now().seconds())?;
    Ok(claims)
}

fn signed(token: &str, algorithm: Algorithm, key: &Jwk) -> Result<Claims, ProviderError> {
    let forged = || ProviderError::Refused("its signature is not the issuer's");
    let named = key.common.key_algorithm.map(|named| named.to_string());
    if named.is_some_and(|named| named != format!("{algorithm:?}")) {
        return Err(forged());
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| forged())?;
    let mut validation = Validation::new(algorithm);
    // Judged below, by Stele's own clock and against what was asked for.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    decode::<Claims>(token, &key, &validation).map(|token| token.claims).map_err(|_| forged())
}

impl Claims {
    /// `now` in seconds since the Unix epoch.
    fn check(&self, expected: &Expected<'_>, now: i64) -> Result<(), ProviderError> {
        let refuse = |why| Err(ProviderError::Refused(why));
        if !expected.issuers.contains(&self.iss.as_str()) {
            return refuse("it is another issuer's");
        }
        if !self.is_for(expected.client_id) {
            return refuse("it is for another client");
        }
        if self.exp <= now {
            return refuse("it has expired");
        }
        if self.iat > now + CLOCK_SKEW || self.nbf.is_some_and(|nbf| nbf > now + CLOCK_SKEW) {
            return refuse("it is of the future");
        }
        if self.nonce.as_deref() != expected.nonce {
            return refuse("it answers another request");
        }
        Ok(())
    }

    /// One that is for several names the one whom it was given to.
    fn is_for(&self, client_id: &str) -> bool {
        match &self.aud {
            Audience::One(aud) => aud == client_id,
            Audience::Several(auds) => {
                let sole = auds.len() == 1 || self.azp.as_deref() == Some(client_id);
                sole && auds.iter().any(|aud| aud == client_id)
            }
        }
    }
}

impl From<Claims> for Identity {
    fn from(claims: Claims) -> Self {
        let (first, last) = parted(claims.name.as_deref());
        Self {
            subject: claims.sub,
            email: claims.email,
            email_verified: claims.email_verified.into(),
            username: claims.preferred_username,
            first_name: claims.given_name.unwrap_or(first),
            last_name: claims.family_name.unwrap_or(last),
        }
    }
}
