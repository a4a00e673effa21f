//! Tokens where they do not belong: of another kind, another purpose, another server, or another algorithm.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Scene, complaint, events};
use crate::support::{Account, NEW_PASSWORD, Server, claims};

fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

impl Scene {
    /// Neither a request nor a check nor a refresh takes it, and none of them leaves an event.
    async fn takes_nowhere(&self, what: &str, token: &str) {
        let (api, before) = (self.server.api(), events(&self.server).await);
        let replies = [
            api.bearer(token).get("user/").await,
            api.post("token/verify/", json!({"token": token})).await,
            api.post("token/refresh/", json!({"refresh": token})).await,
        ];
        for reply in replies {
            assert_eq!(reply.status, 401, "{what}: {reply:?}");
            assert_eq!(complaint(&reply, &[token]), None, "{what}");
        }
        assert_eq!(events(&self.server).await, before, "{what}");
    }
}

#[tokio::test]
async fn an_access_token_does_not_refresh_and_a_refresh_token_opens_nothing() {
    let scene = Scene::set("jwt").await;
    let api = scene.server.api();
    let pair = scene.account.login(&api).await;
    let before = events(&scene.server).await;
    let reply = api.post("token/refresh/", json!({"refresh": pair.access()})).await;
    assert_eq!((reply.status, complaint(&reply, &[pair.access()])), (401, None));
    let reply = api.bearer(pair.refresh()).get("user/").await;
    assert_eq!((reply.status, complaint(&reply, &[pair.refresh()])), (401, None));
    pair.on(&api).get("user/").await.expect(200);
    assert_eq!(events(&scene.server).await, before);
}

#[tokio::test]
async fn forged_tokens_are_taken_nowhere() {
    let scene = Scene::set("jwt").await;
    let pair = scene.account.login(&scene.server.api()).await;
    let jwks = scene.server.api().get("/.well-known/jwks.json").await.expect(200).json();
    let public = jwks["keys"][0]["x"].as_str().expect("an EdDSA key by default").to_owned();
    let (kid, claims) = (jwks["keys"][0]["kid"].clone(), claims(pair.access()));
    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none", "kid": kid})), encode(&claims));
    scene.takes_nowhere("no signature", &unsigned).await;
    for secret in [BASE64URL_NOPAD.decode(public.as_bytes()).unwrap(), public.into_bytes(), Vec::new()] {
        let signed = format!("{}.{}", encode(&json!({"alg": "HS256", "kid": kid})), encode(&claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(signed.as_bytes());
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()));
        scene.takes_nowhere("signed with the public key", &token).await;
    }
    let parts: Vec<&str> = pair.access().split('.').collect();
    let mut raised = claims.clone();
    raised["exp"] = json!(4_102_444_800_u64);
    scene.takes_nowhere("other claims", &format!("{}.{}.{}", parts[0], encode(&raised), parts[2])).await;
    for header in [
        json!({"alg": "EdDSA", "kid": "../../dev/null"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": kid, "crit": ["x"], "x": 1}),
    ] {
        scene
            .takes_nowhere("another header", &format!("{}.{}.{}", encode(&header), parts[1], parts[2]))
            .await;
    }
    scene.is_as_before_but_for_logins().await;
}

impl Scene {
    async fn is_as_before_but_for_logins(&self) {
        assert_eq!(self.user.get("user/").await.expect(200).json(), self.before.1);
        self.account.login(&self.server.api()).await;
    }
}

#[tokio::test]
async fn tokens_of_another_server_are_taken_nowhere() {
    let (scene, other) = (Scene::set("jwt").await, Server::start(&[]).await);
    let foreign = Account::named("untouched").register(&other.api()).await;
    scene.takes_nowhere("an access token of elsewhere", foreign.access()).await;
    scene.takes_nowhere("a refresh token of elsewhere", foreign.refresh()).await;
    let (keys, others) = (Scene::set("key").await, Server::start(&[("STELE_AUTH__TOKENS", "key")]).await);
    let key = Account::named("untouched").register(&others.api()).await;
    let reply = key.on(&keys.server.api()).get("user/").await;
    assert_eq!(
        (reply.status, complaint(&reply, &key.secrets().iter().map(String::as_str).collect::<Vec<_>>())),
        (401, None)
    );
    keys.is_as_before().await;
}

#[tokio::test]
async fn a_link_serves_its_own_purpose_and_its_own_user() {
    let scene = Scene::set("jwt").await;
    let (server, api) = (&scene.server, scene.server.api());
    let other = Account::named("other");
    other.register(&api).await;
    for account in [&scene.account, &other] {
        api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    }
    let key = server.verify_key(&other.email).await;
    let (uid, token) = server.reset_link(&other.email).await;
    let (own_uid, own_token) = server.reset_link(&scene.account.email).await;
    let before = events(server).await;
    let confirm = |uid: &str, token: &str| json!({"uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    for (what, body) in [
        ("a verification key as a reset token", confirm(&uid, &key)),
        ("the token of someone else", confirm(&own_uid, &token)),
        ("the user of someone else", confirm(&uid, &own_token)),
        ("a changed token", confirm(&uid, &format!("{token}x"))),
    ] {
        let reply = api.post("password/reset/confirm/", body).await;
        assert_eq!((reply.status, complaint(&reply, &[&token, &own_token, &key])), (400, None), "{what}");
    }
    let reply = api.post("registration/verify-email/", json!({"key": token})).await;
    assert_eq!((reply.status, complaint(&reply, &[&token])), (404, None));
    assert_eq!(events(server).await, before);
    scene.is_as_before_but_for_logins().await;
    other.login(&api).await;
}
