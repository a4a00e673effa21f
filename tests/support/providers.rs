//! The sites that people log in with, as servers of tests on loopback: Google, GitHub, Facebook, Twitter and any that speaks OpenID
//! Connect. They answer in the shapes of the real ones and check what these check. A test says who has an account there, hands out
//! tokens, has them misbehave and asks what they were asked. Must not know Stele.

mod authorize;
mod facebook;
mod fault;
mod github;
mod google;
mod id_token;
mod message;
mod oidc;
mod person;
mod redeem;
mod serve;
mod signature;
mod tests;
mod twitter;
mod world;

use std::sync::Arc;

use serde_json::Value;
use tokio::task::AbortHandle;

pub(crate) use fault::Act;
pub(crate) use id_token::{IdToken, Signing, published_secret};
pub(crate) use message::Seen;
pub(crate) use person::{PASSWORD_THERE, Person};
pub(crate) use redeem::Grant;
pub(crate) use world::Token;

use message::Answer;
use world::World;

/// The application that Stele is to each of them, of which every provider knows.
pub(crate) const OUR_APP: &str = "4711081500";
pub(crate) const OUR_SECRET: &str = "f00dfeed5ec2e7c0ffee";
/// An application of somebody else.
pub(crate) const OTHER_APP: &str = "6660666000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Google,
    GitHub,
    Facebook,
    Twitter,
    Oidc,
}

impl Kind {
    fn answer(self, world: &World, seen: &Seen) -> Answer {
        match self {
            Self::Google => google::answer(world, seen),
            Self::GitHub => github::answer(world, seen),
            Self::Facebook => facebook::answer(world, seen),
            Self::Twitter => twitter::answer(world, seen),
            Self::Oidc => oidc::answer(world, seen),
        }
    }

    /// Where a browser is sent to; nowhere for Twitter, whose version 1 hands out what signs.
    const fn authorize_path(self) -> &'static str {
        match self {
            Self::Google => "/o/oauth2/v2/auth",
            Self::GitHub => "/login/oauth/authorize",
            Self::Facebook => "/dialog/oauth",
            Self::Twitter | Self::Oidc => "/authorize",
        }
    }

    const fn token_path(self) -> &'static str {
        match self {
            Self::Google | Self::Oidc | Self::Twitter => "/token",
            Self::GitHub => "/login/oauth/access_token",
            Self::Facebook => "/oauth/access_token",
        }
    }
}

pub(crate) struct Provider {
    world: Arc<World>,
    running: AbortHandle,
}

impl Provider {
    pub(crate) async fn start(kind: Kind) -> Self {
        id_token::make_keys();
        let (listener, url) = serve::listen().await;
        let world = Arc::new(World::new(kind, url));
        let running = tokio::spawn(serve::run(listener, Arc::clone(&world))).abort_handle();
        Self { world, running }
    }

    /// `http://127.0.0.1:PORT`: its API, and for OpenID Connect its issuer.
    pub(crate) fn url(&self) -> &str {
        &self.world.url
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url().trim_start_matches("http://")
    }

    pub(crate) fn authorize_url(&self) -> String {
        format!("{}{}", self.url(), self.world.kind.authorize_path())
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}{}", self.url(), self.world.kind.token_path())
    }

    /// Registers where browsers may be sent back to for our application.
    pub(crate) fn allow_callback(&self, url: &str) {
        self.world.kept().callbacks.push(url.to_owned());
    }

    /// From now on this person has an account, instead of the one with the same subject.
    pub(crate) fn has(&self, person: &Person) {
        self.world.kept().people.insert(person.subject.clone(), person.clone());
    }

    /// A token that was issued to our application.
    pub(crate) fn token(&self, person: &Person) -> Token {
        self.token_for(OUR_APP, person)
    }

    /// A token that was issued to this application.
    pub(crate) fn token_for(&self, app: &str, person: &Person) -> Token {
        self.has(person);
        self.world.issue(app, person)
    }

    /// One that was good an hour ago.
    pub(crate) fn expired_token(&self, person: &Person) -> Token {
        let token = self.token(person);
        self.world.expire(&token.value);
        token
    }

    /// What a browser would have brought back.
    pub(crate) fn code(&self, grant: Grant) -> String {
        self.world.grant(grant)
    }

    /// An ID token for our application, after `bend` had its way with it.
    pub(crate) fn id_token(&self, person: &Person, bend: impl FnOnce(&mut IdToken)) -> String {
        self.has(person);
        let mut token = IdToken::of(&self.world, OUR_APP, person);
        bend(&mut token);
        token.signed(&self.world)
    }

    /// Does this to every ID token that is issued from now on.
    pub(crate) fn bend_id_tokens(&self, bend: impl Fn(&mut IdToken) + Send + Sync + 'static) {
        self.world.kept().bend = Some(Arc::new(bend));
    }

    /// Signs with a new key from now on; the old one is not published any more.
    pub(crate) fn rotate_keys(&self) {
        self.world.rotate_keys();
    }

    /// Does this to all requests to paths that end like this, until it [`behaves`](Self::behave).
    pub(crate) fn misbehave(&self, path: &str, act: Act) {
        self.world.faults.send_modify(|faults| {
            faults.retain(|(at, _)| at != path);
            faults.push((path.to_owned(), act));
        });
    }

    /// Answers all that hangs, and everything else as it should.
    pub(crate) fn behave(&self) {
        self.world.faults.send_modify(Vec::clear);
    }

    /// Answers as it should, but for what `alter` makes of the body.
    pub(crate) fn alter(&self, path: &str, alter: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.misbehave(path, Act::Alter(Arc::new(alter)));
    }

    /// The requests that it got, to paths that end like this, the oldest first.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.world.kept().seen.iter().filter(|seen| seen.path.ends_with(path)).cloned().collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.world.kept().connections
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.running.abort();
    }
}
