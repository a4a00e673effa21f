//! ID tokens and the keys that sign them, good ones and all kinds of bad ones.

use std::sync::{Arc, OnceLock};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey, rand_core::OsRng, traits::PublicKeyParts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Kind, OUR_SECRET, Person, world::World};

/// Made once for all tests: that takes a while.
const KEYS: usize = 3;
/// The last one is of somebody else.
const STRANGER: usize = KEYS - 1;

const SECRET_NAME: &str = "secret";
const PUBLISHED_SECRET: &[u8] = b"what everybody can read is no secret";

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Rs256,
    /// With the right key, which is published for another algorithm.
    Rs512,
    /// `alg: none`, and no signature.
    None,
    /// With the public key, as PEM, for the secret.
    Hs256WithPublicKey,
    Hs256WithClientSecret,
    /// With the [`published_secret`].
    Hs256WithPublishedSecret,
    /// By somebody else, in the name of the right key.
    Stranger,
    /// By somebody else, whose key nobody published.
    UnknownKey,
}

/// A token before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct IdToken {
    /// All but the algorithm and the name of the key.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signing: Signing,
}

impl IdToken {
    pub(super) fn of(world: &World, app: &str, person: &Person) -> Self {
        let now = World::now();
        let mut claims = json!({
            "iss": issuer(world),
            "azp": app,
            "aud": app,
            "sub": person.subject,
            "name": person.name(),
            "given_name": person.first_name,
            "family_name": person.last_name,
            "preferred_username": person.login,
            "iat": now,
            "exp": now + 3600,
        });
        if let Some((email, verified)) = person.email() {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(verified);
        }
        Self { header: json!({ "typ": "JWT" }), claims, signing: Signing::Rs256 }
    }

    /// As it is issued together with an access token.
    pub(super) fn beside(mut self, access_token: &str, nonce: Option<&str>) -> Self {
        let digest = Sha256::digest(access_token);
        self.claims["at_hash"] = json!(BASE64URL_NOPAD.encode(&digest[..16]));
        if let Some(nonce) = nonce {
            self.claims["nonce"] = json!(nonce);
        }
        self
    }

    pub(super) fn signed(&self, world: &World) -> String {
        let (name, key) = (key_id(world.key()), key(world.key()));
        let stranger = &all_keys()[STRANGER];
        let secret = |bytes: &[u8]| EncodingKey::from_secret(bytes);
        match self.signing {
            Signing::Rs256 => self.by(Algorithm::RS256, &name, &key.private),
            Signing::Rs512 => self.by(Algorithm::RS512, &name, &key.private),
            Signing::None => format!("{}.", self.message("none", &name)),
            Signing::Hs256WithPublicKey => {
                self.by(Algorithm::HS256, &name, &secret(key.public_pem.as_bytes()))
            }
            Signing::Hs256WithClientSecret => {
                self.by(Algorithm::HS256, &name, &secret(OUR_SECRET.as_bytes()))
            }
            Signing::Hs256WithPublishedSecret => {
                self.by(Algorithm::HS256, SECRET_NAME, &secret(PUBLISHED_SECRET))
            }
            Signing::Stranger => self.by(Algorithm::RS256, &name, &stranger.private),
            Signing::UnknownKey => self.by(Algorithm::RS256, "of-nobody", &stranger.private),
        }
    }

    fn by(&self, algorithm: Algorithm, name: &str, key: &EncodingKey) -> String {
        let message = self.message(&format!("{algorithm:?}"), name);
        let signature = sign(message.as_bytes(), key, algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn message(&self, algorithm: &str, key: &str) -> String {
        let mut header = self.header.clone();
        header["alg"] = json!(algorithm);
        header["kid"] = json!(key);
        [header, self.claims.clone()]
            .map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()))
            .join(".")
    }
}

/// The ID token that goes with an access token.
pub(super) fn issued(world: &World, person: &Person, access_token: &str, nonce: Option<&str>) -> String {
    let mut token = IdToken::of(world, super::OUR_APP, person).beside(access_token, nonce);
    let bend = world.kept().bend.clone();
    if let Some(bend) = bend {
        bend(&mut token);
    }
    token.signed(world)
}

/// The JWK set.
pub(super) fn published(world: &World) -> Value {
    let Key { modulus, exponent, .. } = &*key(world.key());
    let key = json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key_id(world.key()), "n": modulus, "e": exponent,
    });
    json!({ "keys": [key] })
}

/// What no provider should have among its keys.
pub(crate) fn published_secret() -> Value {
    json!({ "kty": "oct", "kid": SECRET_NAME, "k": BASE64URL_NOPAD.encode(PUBLISHED_SECRET) })
}

pub(super) fn issuer(world: &World) -> &str {
    match world.kind {
        Kind::Google => "https://accounts.google.com",
        _ => &world.url,
    }
}

struct Key {
    private: EncodingKey,
    public_pem: String,
    modulus: String,
    exponent: String,
}

fn key_id(number: usize) -> String {
    format!("key-{number}")
}

fn key(number: usize) -> Arc<Key> {
    Arc::clone(&all_keys()[number % STRANGER])
}

/// Before anybody waits for a token, as keys take seconds to make.
pub(super) fn make_keys() {
    all_keys();
}

fn all_keys() -> &'static [Arc<Key>; KEYS] {
    static ALL: OnceLock<[Arc<Key>; KEYS]> = OnceLock::new();
    ALL.get_or_init(|| std::array::from_fn(|_| Arc::new(Key::generate())))
}

impl Key {
    fn generate() -> Self {
        use rsa::pkcs8::{EncodePublicKey, LineEnding};
        let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        Self {
            private: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()),
            public_pem: key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap(),
            modulus: BASE64URL_NOPAD.encode(&key.n().to_bytes_be()),
            exponent: BASE64URL_NOPAD.encode(&key.e().to_bytes_be()),
        }
    }
}
