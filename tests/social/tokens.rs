//! Tokens that are not for Stele: issued to others, by others, for something else, too early or too late (SO-2, SO-3).

use serde_json::json;

use super::{INCORRECT, Kind, Person, Stage, is_refused};
use crate::support::providers::{IdToken, OTHER_APP, OUR_APP, Provider, Signing, published_secret};

/// Those whose access tokens say nothing of whom they are for.
const BEARERS: [Kind; 3] = [Kind::Google, Kind::GitHub, Kind::Facebook];

#[tokio::test]
async fn a_token_that_was_issued_to_another_application_lets_nobody_in() {
    for stage in Stage::of_all([Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Twitter]).await {
        let ada = stage.somebody();
        stage.login(&ada).await;
        let stolen = stage.provider.token_for(OTHER_APP, &ada);
        let body = json!({ "access_token": stolen.value, "token_secret": stolen.secret });
        is_refused(&stage.post(body).await, INCORRECT);
    }
}

#[tokio::test]
async fn what_a_provider_says_of_whose_application_it_is_counts_and_not_its_status() {
    let cases = [("/tokeninfo", "/aud"), ("/token", "/app/client_id"), ("/debug_token", "/data/app_id")];
    for (stage, (path, field)) in Stage::of_all(BEARERS).await.into_iter().zip(cases) {
        let ada = stage.somebody();
        stage.provider.alter(path, move |body| *body.pointer_mut(field).unwrap() = json!(OTHER_APP));
        is_refused(&stage.try_login(&ada).await, INCORRECT);
        if stage.kind == Kind::Facebook {
            stage.provider.alter(path, |body| body["data"]["is_valid"] = json!(false));
            is_refused(&stage.try_login(&ada).await, INCORRECT);
        }
        stage.provider.behave();
        stage.login(&ada).await;
    }
}

#[tokio::test]
async fn a_token_of_one_person_with_the_profile_of_another_lets_nobody_in() {
    let cases = [("/userinfo", "/sub", json!("1")), ("/user", "/id", json!(1)), ("/me", "/id", json!("1"))];
    for (stage, (path, field, other)) in Stage::of_all(BEARERS).await.into_iter().zip(cases) {
        let ada = stage.somebody();
        stage.provider.alter(path, move |body| *body.pointer_mut(field).unwrap() = other.clone());
        is_refused(&stage.try_login(&ada).await, INCORRECT);
    }
}

#[tokio::test]
async fn an_expired_or_unknown_token_lets_nobody_in() {
    for stage in Stage::of_all([Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Twitter]).await {
        let ada = stage.somebody();
        let expired = stage.provider.expired_token(&ada);
        let unknown = json!({ "access_token": "x", "token_secret": "y" });
        for body in [json!({ "access_token": expired.value, "token_secret": expired.secret }), unknown] {
            is_refused(&stage.post(body).await, INCORRECT);
        }
    }
}

#[tokio::test]
async fn a_signature_takes_the_secret_of_the_token() {
    let (stage, ada, bob) = (Stage::of(Kind::Twitter).await, Person::named("ada"), Person::named("bob"));
    let (of_ada, of_bob) = (stage.provider.token(&ada), stage.provider.token(&bob));
    let body = json!({ "access_token": of_ada.value, "token_secret": of_bob.secret });
    is_refused(&stage.api().post("twitter/", body).await, INCORRECT);
}

#[tokio::test]
async fn a_bare_access_token_of_openid_connect_says_not_for_whom_it_is() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    let body = json!({ "access_token": stage.provider.token(&ada).value });
    is_refused(&stage.post(body).await, INCORRECT);
}

type Bend = fn(&mut IdToken);

/// Each is a token that was good but for one thing.
const BENT: [(&str, Bend); 24] = [
    ("another issuer", |token| token.claims["iss"] = json!("https://evil.test")),
    ("no issuer", |token| drop(token.claims.as_object_mut().unwrap().remove("iss"))),
    ("another client", |token| token.claims["aud"] = json!(OTHER_APP)),
    ("no audience", |token| drop(token.claims.as_object_mut().unwrap().remove("aud"))),
    ("others beside us", |token| {
        token.claims["aud"] = json!([OTHER_APP, OUR_APP]);
        token.claims["azp"] = json!(OTHER_APP);
    }),
    ("expired", |token| token.claims["exp"] = json!(token.claims["iat"].as_i64().unwrap() - 1)),
    ("expires never", |token| drop(token.claims.as_object_mut().unwrap().remove("exp"))),
    ("expires in words", |token| token.claims["exp"] = json!("9999999999")),
    ("issued tomorrow", |token| token.claims["iat"] = json!(token.claims["iat"].as_i64().unwrap() + 86_400)),
    ("good tomorrow", |token| token.claims["nbf"] = json!(token.claims["iat"].as_i64().unwrap() + 86_400)),
    ("of nobody", |token| token.claims["sub"] = json!("")),
    ("without a subject", |token| drop(token.claims.as_object_mut().unwrap().remove("sub"))),
    ("a nonce that nobody asked for", |token| token.claims["nonce"] = json!("n-0S6")),
    ("unsigned", |token| token.signing = Signing::None),
    ("signed with the public key", |token| token.signing = Signing::Hs256WithPublicKey),
    ("signed with our secret", |token| token.signing = Signing::Hs256WithClientSecret),
    ("signed as the key is not made for", |token| token.signing = Signing::Rs512),
    ("signed by a stranger", |token| token.signing = Signing::Stranger),
    ("signed by a key that is not published", |token| token.signing = Signing::UnknownKey),
    ("with what must be understood", |token| token.header["crit"] = json!(["b64"])),
    ("an access token", |token| token.header["typ"] = json!("at+jwt")),
    ("a logout token", |token| token.header["typ"] = json!("logout+jwt")),
    ("with events", |token| token.claims["events"] = json!({})),
    ("of somebody with too long a name", |token| token.claims["sub"] = json!("x".repeat(256))),
];

/// Google says so of what an app on a phone asked for, for its server.
#[tokio::test]
async fn an_id_token_that_another_client_asked_for_is_good_from_google_alone() {
    for stage in Stage::of_all([Kind::Google, Kind::Oidc]).await {
        let token =
            stage.provider.id_token(&stage.somebody(), |token| token.claims["azp"] = json!(OTHER_APP));
        let reply = stage.post(json!({ "id_token": token })).await;
        assert_eq!(reply.status, if stage.kind == Kind::Google { 200 } else { 400 }, "{reply:?}");
    }
}

#[tokio::test]
async fn an_id_token_is_refused_for_anything_that_is_wrong_with_it() {
    for stage in Stage::of_all([Kind::Google, Kind::Oidc]).await {
        let (kind, ada) = (stage.kind, stage.somebody());
        for (what, bend) in BENT {
            let token = stage.provider.id_token(&ada, bend);
            let reply = stage.post(json!({ "id_token": token })).await;
            assert_eq!(reply.status, 400, "{kind:?}, {what}: {reply:?}");
            is_refused(&reply, INCORRECT);
        }
        let good = stage.provider.id_token(&ada, |_| {});
        stage.post(json!({ "id_token": good })).await.expect(200);
        let cut = &good[..good.len() - 4];
        is_refused(&stage.post(json!({ "id_token": cut })).await, INCORRECT);
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_to_verify_signatures_verifies_none() {
    for (stage, keys) in Stage::of_all([Kind::Google, Kind::Oidc]).await.into_iter().zip(["/certs", "/jwks"])
    {
        let ada = stage.somebody();
        let by =
            |signing| json!({ "id_token": stage.provider.id_token(&ada, |token| token.signing = signing) });
        stage.provider.alter(keys, |body| body["keys"][0]["use"] = json!("enc"));
        is_refused(&stage.post(by(Signing::Rs256)).await, INCORRECT);
        // A secret that is published is everybody's.
        stage.provider.alter(keys, |body| body["keys"].as_array_mut().unwrap().push(published_secret()));
        is_refused(&stage.post(by(Signing::Hs256WithPublishedSecret)).await, INCORRECT);
        stage.post(by(Signing::Rs256)).await.expect(200);
    }
}

#[tokio::test]
async fn an_address_that_is_told_only_when_asked_for_is_believed_of_the_same_person_alone() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    stage.provider.bend_id_tokens(|token| drop(token.claims.as_object_mut().unwrap().remove("email")));
    stage.provider.alter("/userinfo", |body| body["sub"] = json!("1"));
    is_refused(&stage.post(json!({ "code": stage.code_of(&ada) })).await, INCORRECT);
    stage.provider.behave();
    let reply = stage.post(json!({ "code": stage.code_of(&ada) })).await.expect(200);
    assert_eq!(reply.at("/user/email"), "ada@example.com");
}

#[tokio::test]
async fn an_issuer_of_somebody_elses_choosing_is_never_asked() {
    let (stage, evil) = (Stage::of(Kind::Oidc).await, Provider::start(Kind::Oidc).await);
    let mallory = Person::named("mallory").with_email("ada@example.com", true);
    let token = evil.id_token(&mallory, |_| {});
    is_refused(&stage.post(json!({ "id_token": token })).await, INCORRECT);
    assert_eq!(evil.seen("").len(), 0);
}

#[tokio::test]
async fn keys_that_were_changed_are_fetched_again_and_the_old_ones_are_not_believed() {
    for stage in Stage::of_all([Kind::Google, Kind::Oidc]).await {
        let ada = stage.somebody();
        let old = stage.provider.id_token(&ada, |_| {});
        stage.post(json!({ "id_token": old })).await.expect(200);
        stage.provider.rotate_keys();
        let new = stage.provider.id_token(&ada, |_| {});
        stage.post(json!({ "id_token": new })).await.expect(200);
        is_refused(&stage.post(json!({ "id_token": old })).await, INCORRECT);
    }
}

#[tokio::test]
async fn made_up_names_of_keys_do_not_have_them_fetched_for_ever() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    for _ in 0..20 {
        let token = stage.provider.id_token(&ada, |token| token.signing = Signing::UnknownKey);
        is_refused(&stage.post(json!({ "id_token": token })).await, INCORRECT);
    }
    assert!(stage.provider.seen("/jwks").len() <= 5);
    stage.login(&ada).await;
}
