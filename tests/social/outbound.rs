//! What a provider can do to Stele: nothing but to let nobody in who comes from it (SO-7).

use std::time::Duration;

use serde_json::json;

use super::{Kind, Person, Stage};
use crate::support::{
    Account, comes_back_later, is_long,
    providers::{Act, Provider},
    wait_for,
};

/// Many more than may ask one provider at once.
const CROWD: usize = 100;
/// More than may, and fewer than want to.
const SOME: usize = 80;
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    let elsewhere = Provider::start(Kind::GitHub).await;
    elsewhere.has(&ada);
    for path in ["/token", "/user", "/user/emails"] {
        stage.provider.misbehave(path, Act::Redirect(format!("{}{path}", elsewhere.url())));
        comes_back_later(&stage.try_login(&ada).await, 503);
        stage.provider.behave();
    }
    assert_eq!(elsewhere.connections(), 0);
    stage.login(&ada).await;
}

#[tokio::test]
async fn no_host_is_called_that_is_not_in_the_settings() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    let elsewhere = Provider::start(Kind::Oidc).await;
    let foreign = format!("{}/jwks", elsewhere.url());
    stage.provider.alter("/openid-configuration", move |body| body["jwks_uri"] = json!(foreign));
    comes_back_later(&stage.try_login(&ada).await, 503);
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_issuer_that_calls_itself_otherwise_lets_nobody_in() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    stage
        .provider
        .alter("/openid-configuration", |body| body["issuer"] = json!("https://accounts.google.com"));
    comes_back_later(&stage.try_login(&ada).await, 503);
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_as_a_503_and_harms_nobody() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    let acts = [
        Act::Huge,
        Act::Malformed,
        Act::Cut,
        Act::Drop,
        Act::Status(500),
        Act::Status(502),
        Act::Status(429),
        Act::Say("[]"),
        Act::Say("\u{0}"),
    ];
    for act in acts {
        stage.provider.misbehave("/user", act.clone());
        let reply = stage.try_login(&ada).await;
        assert_eq!(reply.status, 503, "{act:?}: {reply:?}");
        comes_back_later(&reply, 503);
    }
    stage.provider.behave();
    stage.login(&ada).await;
}

#[tokio::test]
async fn connections_are_kept_for_the_next_call() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    for _ in 0..5 {
        stage.login(&ada).await;
    }
    assert!(stage.provider.seen("").len() >= 15);
    assert!(stage.provider.connections() <= 2, "{}", stage.provider.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_hangs_holds_up_nobody_else() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    let bob = Account::named("bob");
    bob.register(&stage.api()).await;
    stage.provider.misbehave("/token", Act::Hang);
    let body = stage.brought_by(&ada);
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let (api, body) = (stage.api(), body.clone());
            tokio::spawn(async move { api.post("github/", body).await })
        })
        .collect();
    wait_for("the provider has many who wait", SOON, async || {
        (stage.provider.seen("/token").len() >= 20).then_some(())
    })
    .await;
    // While they wait, others are served.
    bob.login(&stage.api()).await;
    for asked in crowd {
        comes_back_later(&asked.await.unwrap(), 503);
    }
    assert!(stage.provider.seen("/token").len() < SOME, "whoever is one too many is told so at once");
    stage.provider.behave();
    stage.login(&ada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_trickles_is_given_up() {
    if !is_long() {
        return;
    }
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    stage.provider.misbehave("/user", Act::Trickle);
    comes_back_later(&stage.try_login(&ada).await, 503);
}
