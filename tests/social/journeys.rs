//! A person's way through several providers, and what an auditor sees of it.

use serde_json::json;

use super::{Kind, Person, brought, path, settings};
use crate::support::{Account, Server, Tokens, providers::Provider};

#[tokio::test]
async fn a_user_connects_two_providers_leaves_one_and_comes_in_by_the_other() {
    let (google, github) = (Provider::start(Kind::Google).await, Provider::start(Kind::GitHub).await);
    let own = [settings(Kind::Google, &google), settings(Kind::GitHub, &github)].concat();
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = Server::start(&own).await;
    let (api, there) = (server.api(), Person::named("lovelace"));
    let ada = Account::named("ada").register(&api).await.on(&api);
    for (kind, provider) in [(Kind::Google, &google), (Kind::GitHub, &github)] {
        let body = brought(provider, kind, &there);
        let reply = ada.post(&format!("{}connect/", path(kind)), body).await.expect(200);
        assert_eq!(reply.json()["user"]["username"], "ada");
    }
    let list = async || ada.get("socialaccounts/").await.expect(200).json();
    let listed = list().await;
    assert_eq!((&listed[0]["provider"], &listed[1]["provider"]), (&json!("google"), &json!("github")));

    let reply = ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(200);
    assert_eq!(reply.json(), json!({}));
    assert_eq!(list().await.as_array().unwrap().len(), 1);
    ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(404);
    let by_github = api.post("github/", brought(&github, Kind::GitHub, &there)).await.expect(200);
    assert_eq!(by_github.json()["user"]["username"], "ada");
    // The account at the first one is nobody's now, and makes somebody of his own.
    let by_google = api.post("google/", brought(&google, Kind::Google, &there)).await.expect(200);
    assert_eq!(by_google.json()["user"]["username"], "lovelace");

    let kinds: Vec<String> =
        server.home().log().events().await.iter().map(|event| event.kind.clone()).collect();
    let seen = |kind: &str| kinds.iter().filter(|seen| *seen == kind).count();
    assert_eq!(seen("user.social-account-linked.v1"), 3);
    assert_eq!(seen("user.social-account-unlinked.v1"), 1);
    assert_eq!(server.mails().await.iter().filter(|mail| mail.text.contains("was linked to")).count(), 2);
    assert_eq!(server.run(&["rebuild", "--check"]).code, Some(0));
}

#[tokio::test]
async fn the_last_way_in_stays_until_there_is_a_password() {
    let github = Provider::start(Kind::GitHub).await;
    let own = settings(Kind::GitHub, &github);
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let trusted = ("STELE_SOCIAL__GITHUB__TRUST_EMAIL", "true");
    let server = Server::start(&[&own[..], &[trusted]].concat()).await;
    let (api, there) = (server.api(), Person::named("ada"));
    let login = async || api.post("github/", brought(&github, Kind::GitHub, &there)).await.expect(200);
    let ada = Tokens::of(&login().await).on(&api);
    let refused = ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(400);
    assert_eq!(refused.json(), json!({ "non_field_errors": ["Your account has no password set up."] }));
    let account = Account::named("ada");
    account.try_login(&api, "").await.expect(400);

    api.post("password/reset/", json!({ "email": "ada@example.com" })).await.expect(200);
    let (uid, token) = server.reset_link("ada@example.com").await;
    let new = &account.password;
    let body = json!({ "uid": uid, "token": token, "new_password1": new, "new_password2": new });
    api.post("password/reset/confirm/", body).await.expect(200);
    let ada = account.login(&api).await.on(&api);
    ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(200);
    assert_eq!(ada.get("socialaccounts/").await.expect(200).json(), json!([]));
}
