//! A login for which a browser was sent to a provider: what must be the same when it comes back. The browser itself keeps it, sealed,
//! in a cookie, so that any node can go on. Knows no provider, and not whether it was used before.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{clock, random, ticket::TicketKey};
use subtle::ConstantTimeEq;

use crate::token::cookie;

/// How long a person may take at the provider.
pub(crate) const LIFE: Duration = Duration::from_mins(10);

const PURPOSE: &str = "social login: intent";

/// What comes back to this browser and to no other.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    provider: String,
    state: String,
    /// What an ID token must repeat.
    pub(crate) nonce: String,
    /// What the provider is shown with the code (RFC 7636).
    pub(crate) verifier: String,
    /// What the front end will have to show a verifier for, if it wants that.
    pub(crate) challenge: Option<String>,
}

impl Intent {
    pub(crate) fn new(provider: &str, challenge: Option<String>) -> Self {
        let [state, nonce, verifier] = [(); 3].map(|()| URL_SAFE_NO_PAD.encode(random::bytes::<32>()));
        Self { provider: provider.to_owned(), state, nonce, verifier, challenge }
    }

    /// What the provider has to pass on, and what the intent is known by, once.
    pub(crate) fn state(&self) -> &str {
        &self.state
    }

    pub(crate) fn code_challenge(&self) -> String {
        challenge_of(&self.verifier)
    }

    /// Whether this is what the browser was sent to that provider for.
    pub(crate) fn is_answered_by(&self, provider: &str, state: &str) -> bool {
        self.provider == provider && bool::from(self.state.as_bytes().ct_eq(state.as_bytes()))
    }
}

/// The challenge that a verifier meets, by S256.
pub(crate) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// The cookie of an intent. Where all is by TLS no other host and no plain connection can set one of its name.
pub(crate) struct IntentCookie<'a> {
    pub(crate) key: &'a TicketKey,
    pub(crate) https: bool,
}

impl IntentCookie<'_> {
    const fn name(&self) -> &'static str {
        if self.https { "__Host-stele_login" } else { "stele_login" }
    }

    /// A `Set-Cookie` value. Lax: it comes along when the provider sends the browser back, and with nothing else from elsewhere.
    pub(crate) fn set(&self, intent: &Intent) -> Option<String> {
        let ticket = self.key.seal(PURPOSE, intent, clock::now() + LIFE)?;
        Some(self.write(&ticket, LIFE.as_secs()))
    }

    /// A `Set-Cookie` value that takes it away.
    pub(crate) fn clear(&self) -> String {
        self.write("", 0)
    }

    fn write(&self, value: &str, max_age: u64) -> String {
        let (name, secure) = (self.name(), if self.https { "; Secure" } else { "" });
        format!("{name}={value}; HttpOnly; Max-Age={max_age}; Path=/; SameSite=Lax{secure}")
    }

    /// The intent among the values of a request's `Cookie` headers, while it lives.
    pub(crate) fn read<'h>(&self, headers: impl IntoIterator<Item = &'h str>) -> Option<Intent> {
        self.key.open(PURPOSE, cookie::find(headers, self.name())?, clock::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TicketKey {
        TicketKey::derived_from(&[7; 32])
    }

    #[test]
    fn an_intent_comes_back_from_the_browser_as_it_was() {
        let (key, intent) = (key(), Intent::new("google", Some("c".to_owned())));
        let cookie = IntentCookie { key: &key, https: true };
        let set = cookie.set(&intent).unwrap();
        let (pair, attributes) = set.split_once("; ").unwrap();

        assert_eq!(attributes, "HttpOnly; Max-Age=600; Path=/; SameSite=Lax; Secure");
        assert!(pair.starts_with("__Host-") && pair.len() < 1000, "{pair}");
        assert_eq!(cookie.read([pair]), Some(intent));
        assert!(!set.contains("google"));
    }

    #[test]
    fn without_tls_the_name_has_no_prefix_that_browsers_would_not_take() {
        let cookie = IntentCookie { key: &key(), https: false };
        assert_eq!(cookie.clear(), "stele_login=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax");
    }

    #[test]
    fn only_the_provider_and_the_state_that_were_asked_for_answer_it() {
        let (intent, other) = (Intent::new("google", None), Intent::new("google", None));

        assert!(intent.is_answered_by("google", intent.state()));
        assert!(!intent.is_answered_by("github", intent.state()));
        assert!(!intent.is_answered_by("google", other.state()));
        assert!(!intent.is_answered_by("google", ""));
    }

    #[test]
    fn a_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge_of(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(Intent::new("google", None).verifier.len(), 43);
    }
}
