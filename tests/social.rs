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
    Caller, Home, Reply, Server, Tokens,
    providers::{Grant, Kind, Person, Provider},
};

/// Where codes are sent to.
const CALLBACK: &str = "http://front.test/callback";
/// Where they may be sent to as well.
const OTHER_CALLBACK: &str = "http://front.test/other";

/// A Stele and one of the providers that it knows.
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
        let [stage] = Self::at(Home::new(env), [kind]).await;
        stage
    }

    /// One Stele that knows all of these.
    async fn of_all<const N: usize>(kinds: [Kind; N]) -> [Self; N] {
        Self::at(Home::new(&[]), kinds).await
    }

    /// One whose addresses Stele believes in.
    async fn trusted(kind: Kind) -> Self {
        Self::with(kind, &[(&kind.setting("TRUST_EMAIL"), "true")]).await
    }

    /// One Stele in this place that knows all of these.
    async fn at<const N: usize>(mut home: Home, kinds: [Kind; N]) -> [Self; N] {
        let mut known = Vec::new();
        for kind in kinds {
            let provider = Provider::start(kind).await;
            provider.allow_callback(CALLBACK);
            home.enable(kind, &provider);
            if kind != Kind::Twitter {
                home.set(&kind.setting("CALLBACK_URLS"), &json!([CALLBACK, OTHER_CALLBACK]).to_string());
            }
            known.push((kind, provider));
        }
        let server = Rc::new(Server::at(home).await);
        let stage = |(kind, provider)| Self { provider, server: Rc::clone(&server), kind };
        let stages: Vec<Self> = known.into_iter().map(stage).collect();
        stages.try_into().unwrap_or_else(|_| panic!("one for each"))
    }

    /// Somebody who has an account at this provider alone.
    fn somebody(&self) -> Person {
        Person::named(self.kind.name())
    }

    fn api(&self) -> Caller {
        self.server.api()
    }

    fn path(&self) -> String {
        path(self.kind)
    }

    /// What this person brings from the provider.
    fn brought_by(&self, person: &Person) -> Value {
        brought(&self.provider, self.kind, person)
    }

    /// A code that this person brings, as one that was asked for without anything to bind it to.
    fn code_of(&self, person: &Person) -> String {
        self.provider.code(Grant::of(person, CALLBACK))
    }

    /// What comes of this being brought.
    async fn post(&self, body: Value) -> Reply {
        self.api().post(&self.path(), body).await
    }

    async fn try_login(&self, person: &Person) -> Reply {
        self.post(self.brought_by(person)).await
    }

    async fn login(&self, person: &Person) -> Tokens {
        Tokens::of(&self.try_login(person).await.expect(200))
    }

    async fn connect(&self, caller: &Caller, person: &Person) -> Reply {
        caller.post(&format!("{}connect/", self.path()), self.brought_by(person)).await
    }
}

fn path(kind: Kind) -> String {
    let below = if kind == Kind::Oidc { "oidc/" } else { "" };
    format!("{below}{}/", kind.name())
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
