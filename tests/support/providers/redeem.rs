//! Codes for tokens, with what RFC 6749, section 4.1.3, and RFC 7636 have a server check.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::{OUR_APP, OUR_SECRET, Person, Seen, world::World};

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) person: Person,
    pub(crate) app: String,
    pub(crate) redirect_uri: String,
    /// S256.
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
}

impl Grant {
    /// To our application, for what comes back at this address.
    pub(crate) fn of(person: &Person, redirect_uri: &str) -> Self {
        Self {
            person: person.clone(),
            app: OUR_APP.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            challenge: None,
            nonce: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Client,
    GrantType,
    /// Unknown, somebody else's, or used before.
    Code,
    RedirectUri,
    Verifier,
}

/// What the code in this request stands for; it is spent, whatever the answer.
pub(super) fn redeem(world: &World, seen: &Seen) -> Result<Grant, Refused> {
    let field = |name| seen.field(name).unwrap_or_default();
    let (app, secret) = seen.basic().unwrap_or_else(|| (field("client_id"), field("client_secret")));
    if (app.as_str(), secret.as_str()) != (OUR_APP, OUR_SECRET) {
        return Err(Refused::Client);
    }
    if seen.field("grant_type").is_some_and(|kind| kind != "authorization_code") {
        return Err(Refused::GrantType);
    }
    let grant = {
        let mut kept = world.kept();
        let (grant, is_used) = kept.codes.get_mut(&field("code")).ok_or(Refused::Code)?;
        if std::mem::replace(is_used, true) || grant.app != app {
            return Err(Refused::Code);
        }
        grant.clone()
    };
    if grant.redirect_uri != field("redirect_uri") {
        return Err(Refused::RedirectUri);
    }
    let verifier = seen.field("code_verifier");
    let shown = verifier.map(|verifier| BASE64URL_NOPAD.encode(&Sha256::digest(verifier)));
    // A verifier without a challenge means that somebody took the challenge away (RFC 9700, section 4.8.2).
    if grant.challenge != shown {
        return Err(Refused::Verifier);
    }
    world.kept().people.entry(grant.person.subject.clone()).or_insert_with(|| grant.person.clone());
    Ok(grant)
}
