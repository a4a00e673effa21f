//! What a provider can do to Stele: nothing but to let nobody in who comes from it (SO-7).

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::{Kind, Person, Stage};
use crate::support::{
    Account, Home, comes_back_later,
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
async fn an_answer_may_have_64_kib_and_no_more() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    for (length, status) in [(64 * 1024 + 1, 503), (64 * 1024, 200)] {
        stage.provider.alter("/user", move |body| {
            body["padding"] = json!("");
            body["padding"] = json!("x".repeat(length - body.to_string().len()));
        });
        assert_eq!(stage.try_login(&ada).await.status, status, "{length}");
    }
}

#[tokio::test]
async fn for_whoever_tries_too_often_the_provider_is_not_asked() {
    let limits = [("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__SOCIAL", "2/1h")];
    let (stage, ada) = (Stage::with(Kind::GitHub, &limits).await, Person::named("ada"));
    for _ in 0..2 {
        stage.login(&ada).await;
    }
    let asked = stage.provider.seen("").len();
    comes_back_later(&stage.try_login(&ada).await, 429);
    assert_eq!(stage.provider.seen("").len(), asked);
}

#[tokio::test]
async fn what_a_provider_says_of_somebody_stands_in_no_log() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    stage.provider.alter("/user", |body| body["id"] = json!("markedname"));
    comes_back_later(&stage.try_login(&ada).await, 503);
    let told = wait_for("the log tells of it", SOON, async || {
        stage.server.lines().into_iter().find(|line| line.contains("a provider of identities did not help"))
    })
    .await;
    assert!(!told.contains("markedname"), "{told}");
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
async fn a_provider_that_hangs_or_trickles_is_given_up_and_holds_up_nobody_else() {
    let [hangs, trickles] = Stage::at(Home::new(&[]), [Kind::GitHub, Kind::Google]).await;
    let (ada, bob) = (Person::named("ada"), Account::named("bob"));
    bob.register(&hangs.api()).await;
    hangs.provider.misbehave("/token", Act::Hang);
    trickles.provider.misbehave("/userinfo", Act::Trickle);
    let asks = |stage: &Stage| {
        let (api, path, body) = (stage.api(), stage.path(), stage.brought_by(&ada));
        tokio::spawn(async move { api.post(&path, body).await })
    };
    let crowd: Vec<_> = (0..CROWD).map(|_| asks(&hangs)).chain([asks(&trickles)]).collect();
    wait_for("the provider has many who wait", SOON, async || {
        (hangs.provider.seen("/token").len() >= 20).then_some(())
    })
    .await;
    // While they wait, others are served.
    bob.login(&hangs.api()).await;
    for asked in crowd {
        let reply = timeout(SOON, asked).await.expect("nobody waits for long").unwrap();
        comes_back_later(&reply, 503);
    }
    assert!(hangs.provider.seen("/token").len() < SOME, "whoever is one too many is told so at once");
    assert_eq!(trickles.provider.seen("/userinfo").len(), 1);
    for stage in [hangs, trickles] {
        stage.provider.behave();
        stage.login(&stage.somebody()).await;
    }
}
