//! Login through providers of identities, against providers on loopback: who is let in, who is not, and that a provider harms nobody
//! but those who come from it.

mod connecting;
mod contract;
mod journeys;
mod linking;
mod outbound;
mod races;
mod tokens;

use std::rc::Rc;

use serde_json::{Value, json};

use crate::support::{
    Caller, Reply, Server, Tokens,
    providers::{Kind, OUR_APP, OUR_SECRET, Person, Provider},
};

/// Where codes are sent to.
const CALLBACK: &str = "http://front.test/callback";

/// A Stele and the one provider that it knows.
struct Stage {
    provider: Provider,
    server: Rc<Server>,
    kind: Kind,
}

impl Stage {
    async fn of(kind: Kind) -> Self {
        Self::with(kind, &[]).await
    }

    /// Stele with more settings.
    async fn with(kind: Kind, env: &[(&str, &str)]) -> Self {
        Self::with_all(&[kind], env).await.pop().expect("there is one")
    }

    /// One Stele that knows all of these.
    async fn of_all(kinds: &[Kind]) -> Vec<Self> {
        Self::with_all(kinds, &[]).await
    }

    async fn with_all(kinds: &[Kind], env: &[(&str, &str)]) -> Vec<Self> {
        let (mut providers, mut own) = (Vec::new(), Vec::new());
        for kind in kinds {
            let provider = Provider::start(*kind).await;
            provider.allow_callback(CALLBACK);
            own.extend(settings(*kind, &provider));
            providers.push(provider);
        }
        let own: Vec<(&str, &str)> =
            own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let server = Rc::new(Server::start(&[&own[..], env].concat()).await);
        let stages = providers.into_iter().zip(kinds);
        stages.map(|(provider, kind)| Self { provider, server: Rc::clone(&server), kind: *kind }).collect()
    }

    /// Somebody who has an account at this provider alone.
    fn somebody(&self) -> Person {
        Person::named(self.path().trim_end_matches('/').trim_start_matches("oidc/"))
    }

    /// One whose addresses Stele believes in.
    async fn trusted(kind: Kind) -> Self {
        let name = format!("STELE_SOCIAL__{}__TRUST_EMAIL", section(kind));
        Self::with(kind, &[(&name, "true")]).await
    }

    fn api(&self) -> Caller {
        self.server.api()
    }

    fn path(&self) -> &'static str {
        path(self.kind)
    }

    /// What this person brings from the provider.
    fn brought_by(&self, person: &Person) -> Value {
        brought(&self.provider, self.kind, person)
    }

    async fn try_login(&self, person: &Person) -> Reply {
        self.api().post(self.path(), self.brought_by(person)).await
    }

    async fn login(&self, person: &Person) -> Tokens {
        Tokens::of(&self.try_login(person).await.expect(200))
    }

    async fn connect(&self, caller: &Caller, person: &Person) -> Reply {
        caller.post(&format!("{}connect/", self.path()), self.brought_by(person)).await
    }
}

const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Google => "google/",
        Kind::GitHub => "github/",
        Kind::Facebook => "facebook/",
        Kind::Twitter => "twitter/",
        Kind::Oidc => "oidc/corp/",
    }
}

const fn section(kind: Kind) -> &'static str {
    match kind {
        Kind::Google => "GOOGLE",
        Kind::GitHub => "GITHUB",
        Kind::Facebook => "FACEBOOK",
        Kind::Twitter => "TWITTER",
        Kind::Oidc => "OIDC__CORP",
    }
}

/// What Stele is told of a provider.
fn settings(kind: Kind, provider: &Provider) -> Vec<(String, String)> {
    let url_of = if kind == Kind::Oidc { "ISSUER" } else { "API_URL" };
    let mut values = vec![
        ("CLIENT_ID", OUR_APP.to_owned()),
        ("CLIENT_SECRET", OUR_SECRET.to_owned()),
        (url_of, provider.url().to_owned()),
    ];
    if kind != Kind::Twitter {
        values.push(("CALLBACK_URLS", json!([CALLBACK, "http://front.test/other"]).to_string()));
    }
    if !matches!(kind, Kind::Oidc | Kind::Twitter) {
        values.push(("AUTH_URL", provider.authorize_url()));
        values.push(("TOKEN_URL", provider.token_url()));
    }
    let named =
        values.into_iter().map(|(name, value)| (format!("STELE_SOCIAL__{}__{name}", section(kind)), value));
    named.collect()
}

fn brought(provider: &Provider, kind: Kind, person: &Person) -> Value {
    match kind {
        Kind::Oidc => json!({ "id_token": provider.id_token(person, |_| {}) }),
        Kind::Twitter => {
            let token = provider.token(person);
            json!({ "access_token": token.value, "token_secret": token.secret })
        }
        Kind::Google | Kind::GitHub | Kind::Facebook => {
            json!({ "access_token": provider.token(person).value })
        }
    }
}

#[track_caller]
fn is_refused(reply: &Reply, sentence: &str) {
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(reply.json(), json!({ "non_field_errors": [sentence] }));
}

const INCORRECT: &str = "Incorrect value";
const TAKEN: &str = "User is already registered with this e-mail address.";
