//! ID tokens (OpenID Connect Core 1.0, section 3.1.3.7): whether one is of the issuer in the settings, for us, alive, an
//! answer to the nonce, and signed by a published key. Says who it is about only then.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, Jwk},
};
use serde::{Deserialize, de::IgnoredAny};
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

/// How many bytes the modulus of an RSA key has at least (RFC 7518, section 3.3).
const RSA_MODULUS: usize = 256;

/// What an ID token must say.
pub(super) struct Expected<'a> {
    pub(super) issuers: &'a [&'a str],
    pub(super) client_id: &'a str,
    /// Whether another client of the same owner may have asked for it.
    pub(super) by_another: bool,
    /// None where none was asked for: the token must have none then.
    pub(super) nonce: Option<&'a str>,
}

/// What makes a header one of something else than an ID token.
#[derive(Deserialize)]
struct Header {
    /// Extensions that whoever reads it must understand (RFC 7515, section 4.1.11): none is understood here.
    crit: Option<IgnoredAny>,
    /// Tokens of other kinds say so (RFC 8725, section 3.11), such as `at+jwt` and `logout+jwt`.
    typ: Option<String>,
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
    /// What a logout token tells of (OpenID Connect Back-Channel Logout 1.0, section 2.4).
    events: Option<IgnoredAny>,
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
    Nothing(()),
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
            Truth::Nothing(()) => false,
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
    if !is_of_id_token(token) {
        return Err(ProviderError::Refused("it is a token of another kind"));
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err(ProviderError::Refused("it is not signed by a published key"));
    }
    let key = keys.find(header.kid.as_deref(), source).await?;
    let claims = signed(token, header.alg, &key)?;
    claims.check(expected, clock::now().seconds())?;
    Ok(claims)
}

fn is_of_id_token(token: &str) -> bool {
    let header = token.split('.').next().and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    let header: Option<Header> = header.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    header.is_some_and(|header| header.crit.is_none() && !header.typ.is_some_and(|typ| typ.contains('+')))
}

/// A shorter one can be taken apart by those who have the means.
fn is_long_enough(key: &Jwk) -> bool {
    let AlgorithmParameters::RSA(rsa) = &key.algorithm else { return true };
    BASE64URL_NOPAD.decode(rsa.n.as_bytes()).is_ok_and(|modulus| modulus.len() >= RSA_MODULUS)
}

fn signed(token: &str, algorithm: Algorithm, key: &Jwk) -> Result<Claims, ProviderError> {
    let forged = || ProviderError::Refused("its signature is not the issuer's");
    let named = key.common.key_algorithm.map(|named| named.to_string());
    if !is_long_enough(key) || named.is_some_and(|named| named != format!("{algorithm:?}")) {
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
        if !self.is_for(expected) {
            return refuse("it is for another client");
        }
        if self.events.is_some() {
            return refuse("it tells of an event");
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
    fn is_for(&self, Expected { client_id, by_another, .. }: &Expected<'_>) -> bool {
        let given_to_us = self.azp.as_deref().map(|azp| azp == *client_id);
        match &self.aud {
            Audience::One(aud) => aud == client_id && (*by_another || given_to_us != Some(false)),
            Audience::Several(auds) => {
                let sole = auds.len() == 1 && (*by_another || given_to_us.is_none());
                (sole || given_to_us == Some(true)) && auds.iter().any(|aud| aud == client_id)
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
