//! What a provider knows: its users, the tokens and codes it issued, its keys, and what it was asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{Act, Grant, IdToken, Kind, Person, Seen};

const LIFE: u64 = 3600;

pub(super) type Bend = Arc<dyn Fn(&mut IdToken) + Send + Sync>;

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) value: String,
    /// What Twitter's are signed with.
    pub(crate) secret: String,
    pub(super) app: String,
    pub(super) subject: String,
    /// In seconds since 1970.
    pub(super) issued_at: u64,
    pub(super) expires_at: u64,
}

pub(super) struct World {
    pub(super) kind: Kind,
    pub(super) url: String,
    pub(super) faults: watch::Sender<Vec<(String, Act)>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
pub(super) struct Kept {
    pub(super) people: HashMap<String, Person>,
    pub(super) callbacks: Vec<String>,
    pub(super) tokens: HashMap<String, Token>,
    /// Each with whether it was used.
    pub(super) codes: HashMap<String, (Grant, bool)>,
    /// What Twitter's requests are told apart by.
    pub(super) nonces: HashSet<(String, String)>,
    pub(super) bend: Option<Bend>,
    pub(super) seen: Vec<Seen>,
    pub(super) connections: usize,
    /// How often the keys were changed.
    key: usize,
    secrets: u64,
}

impl World {
    pub(super) fn new(kind: Kind, url: String) -> Self {
        Self { kind, url, faults: watch::Sender::new(Vec::new()), kept: Mutex::default() }
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// In seconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "a provider has a clock of its own")]
    pub(super) fn now() -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    /// The number of the key that is signed with.
    pub(super) fn key(&self) -> usize {
        self.kept().key
    }

    pub(super) fn rotate_keys(&self) {
        self.kept().key += 1;
    }

    /// A text that was not given out before.
    pub(super) fn secret(&self) -> String {
        let mut kept = self.kept();
        kept.secrets += 1;
        BASE64URL_NOPAD.encode(&Sha256::digest(format!("{} {}", self.url, kept.secrets)))
    }

    pub(super) fn issue(&self, app: &str, person: &Person) -> Token {
        let beginning = match self.kind {
            Kind::Google => "ya29.",
            Kind::GitHub => "gho_",
            Kind::Facebook => "EAA",
            Kind::Twitter => &format!("{}-", person.subject),
            Kind::Oidc => "",
        };
        let (value, secret, now) = (format!("{beginning}{}", self.secret()), self.secret(), Self::now());
        let (app, subject) = (app.to_owned(), person.subject.clone());
        let token = Token { value, secret, app, subject, issued_at: now, expires_at: now + LIFE };
        self.kept().tokens.insert(token.value.clone(), token.clone());
        token
    }

    pub(super) fn expire(&self, value: &str) {
        let mut kept = self.kept();
        let token = kept.tokens.get_mut(value).expect("it was issued");
        token.issued_at -= 2 * LIFE;
        token.expires_at -= 2 * LIFE;
    }

    pub(super) fn grant(&self, grant: Grant) -> String {
        let code = format!("4/{}", self.secret());
        self.kept().codes.insert(code.clone(), (grant, false));
        code
    }

    /// A token that is good now, and whose it is.
    pub(super) fn token(&self, value: &str) -> Option<(Token, Person)> {
        let kept = self.kept();
        let token = kept.tokens.get(value).filter(|token| token.expires_at > Self::now())?;
        let person = kept.people.get(&token.subject)?;
        Some((token.clone(), person.clone()))
    }
}
