//! Logins that end as they should: with a session, or with another account that lets the user in.

use std::rc::Rc;

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{BY_BROWSER, Sent, Stage, handed_over};
use crate::support::{
    Account, Home, Server, Tokens,
    providers::{Kind, Person, Provider},
};

const VERIFIER: &str = "a verifier of the front end, which it keeps to itself";

fn challenge() -> String {
    format!("?code_challenge={}", BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER)))
}

#[tokio::test]
async fn a_person_logs_in_at_every_provider_and_is_the_same_user_the_next_time() {
    for stage in Stage::set_all(BY_BROWSER).await {
        let (kind, api, person) = (stage.kind, stage.server.api(), stage.somebody());
        let mut users = Vec::new();
        for _ in 0..2 {
            let code = stage.code(&stage.begin().await, &person).await;
            let reply = api.post("/social/login/", json!({"code": code})).await.expect(200);
            let user = Tokens::of(&reply).on(&api).get("user/").await.expect(200).json();
            assert_eq!(user["email"], json!(person.emails[0].0), "{kind:?}");
            users.push(user["pk"].clone());
        }
        assert_eq!(users[0], users[1], "{kind:?}");
    }
}

#[tokio::test]
async fn a_front_end_that_began_with_a_challenge_ends_with_the_verifier() {
    let stage = Stage::set(Kind::Google).await;
    let (api, person) = (stage.server.api(), Person::named("ada"));
    stage.provider.has(&person);
    let code = stage.code(&stage.begin_with(&challenge()).await, &person).await;
    for wrong in [json!({"code": code}), json!({"code": code, "code_verifier": "guessed"})] {
        api.post("/social/login/", wrong).await.expect(400);
    }
    api.post("/social/login/", json!({"code": code, "code_verifier": VERIFIER})).await.expect(200);
}

#[tokio::test]
async fn a_user_connects_an_account_and_logs_in_by_it() {
    let stage = Stage::set(Kind::GitHub).await;
    let (api, ada) = (stage.server.api(), Account::named("ada"));
    let own = ada.register(&api).await.on(&api);
    let person = Person::named("somebody-else-there");
    stage.provider.has(&person);
    let code = stage.code(&stage.begin_with(&challenge()).await, &person).await;
    let body = json!({"code": code, "code_verifier": VERIFIER});
    api.post("/social/connect/", body.clone()).await.expect(401);
    own.post("/social/connect/", body).await.expect(200);
    let code = stage.code(&stage.begin().await, &person).await;
    let reply = api.post("/social/login/", json!({"code": code})).await.expect(200);
    assert_eq!(reply.at("/user/username"), "ada");
}

#[tokio::test]
async fn a_code_without_a_challenge_connects_nothing_as_anybody_could_have_slipped_it_in() {
    let stage = Stage::set(Kind::GitHub).await;
    let (api, ada) = (stage.server.api(), Account::named("ada"));
    let own = ada.register(&api).await.on(&api);
    let forger = Person::named("forger");
    stage.provider.has(&forger);
    let code = stage.code(&stage.begin().await, &forger).await;
    own.post("/social/connect/", json!({"code": code})).await.expect(400);
    let events = stage.server.home().log().events().await;
    assert!(!events.iter().any(|event| event.kind.contains("linked")), "{events:?}");
}

/// Three processes on the same databases: a browser meets another one at every step.
#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn on_postgres_any_node_goes_on_with_a_login_and_none_takes_it_twice() {
    let provider = Provider::start(Kind::Google).await;
    let mut shared = Home::on_postgres(&[("STELE_SOCIAL__RETURN_URL", super::FRONT_END)]);
    shared.enable(Kind::Google, &provider);
    let first = Server::at(shared.with_roles("api,projector,relay,mailer,revoker")).await;
    let [second, third] =
        [Server::at(shared.with_roles("api")).await, Server::at(shared.with_roles("api")).await];
    let stage = Stage::with(Kind::Google, provider, Rc::new(first));
    let person = Person::named("ada");
    stage.provider.has(&person);
    let sent = Sent::by(&second.api().get("/social/google/start").await);
    let path = stage.back(&sent, &person).await;
    let code = handed_over(&sent.on(&third.api()).get(&path).await);
    sent.on(&second.api()).get(&path).await.expect(400);
    let body = json!({"code": code});
    stage.server.api().post("/social/login/", body.clone()).await.expect(200);
    second.api().post("/social/login/", body).await.expect(400);
}
