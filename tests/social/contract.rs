//! The endpoints in the words of the contract, for each provider alike.

use serde_json::{Value, json};

use super::{CALLBACK, INCORRECT, Kind, OTHER_CALLBACK, Person, Stage, is_refused, path};
use crate::support::{Account, Server, Tokens, providers::Grant};

const ALL: [Kind; 5] = [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Twitter, Kind::Oidc];
const BY_CODE: [Kind; 4] = [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Oidc];
const NOT_EXCHANGED: &str = "Failed to exchange code for access token";

#[tokio::test]
async fn a_person_is_signed_up_once_and_let_in_ever_after() {
    for stage in Stage::of_all(ALL).await {
        let (kind, ada) = (stage.kind, stage.somebody());
        let first = stage.try_login(&ada).await.expect(200).json();
        let again = stage.try_login(&ada).await.expect(200).json();
        assert_eq!(first["user"]["pk"], again["user"]["pk"], "{kind:?}");
        let user = &first["user"];
        assert_eq!(user["username"], json!(ada.login), "{kind:?}");
        let names = (&user["first_name"], &user["last_name"]);
        assert_eq!(names, (&json!(ada.first_name), &json!(ada.last_name)), "{kind:?}");
        assert_eq!(user["email"], json!(ada.emails[0].0), "{kind:?}");
    }
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_callback_and_its_verifier() {
    for stage in Stage::of_all(BY_CODE).await {
        let ada = stage.somebody();
        let code = || stage.code_of(&ada);
        stage.post(json!({ "code": code(), "callback_url": CALLBACK })).await.expect(200);
        // The first one in the settings counts where none is sent.
        let spent = code();
        stage.post(json!({ "code": spent })).await.expect(200);
        is_refused(&stage.post(json!({ "code": spent })).await, NOT_EXCHANGED);
        let elsewhere = stage.post(json!({ "code": code(), "callback_url": OTHER_CALLBACK })).await;
        is_refused(&elsewhere, NOT_EXCHANGED);
    }
}

#[tokio::test]
async fn so_1_a_callback_that_is_not_in_the_settings_letter_by_letter_is_not_passed_on() {
    for stage in Stage::of_all(BY_CODE).await {
        let code = stage.code_of(&stage.somebody());
        let almost = [&format!("{CALLBACK}/"), &format!("{CALLBACK}?x=1"), &CALLBACK.replace("http", "HTTP")];
        for foreign in
            almost.into_iter().map(String::as_str).chain(["http://evil.test/", "http://front.test"])
        {
            let reply = stage.post(json!({ "code": code, "callback_url": foreign })).await;
            is_refused(&reply, "Define callback_url in view");
        }
        stage.post(json!({ "code": code })).await.expect(200);
    }
}

#[tokio::test]
async fn a_code_that_was_asked_for_with_a_challenge_takes_its_verifier() {
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for stage in Stage::of_all(BY_CODE).await {
        let ada = stage.somebody();
        let grant = || Grant { challenge: Some(CHALLENGE.to_owned()), ..Grant::of(&ada, CALLBACK) };
        let with = |verifier| json!({ "code": stage.provider.code(grant()), "code_verifier": verifier });
        let wrong = stage.post(with("another-verifier-that-is-long-enough-to-be-one")).await;
        is_refused(&wrong, NOT_EXCHANGED);
        let without = stage.post(json!({ "code": stage.provider.code(grant()) })).await;
        is_refused(&without, NOT_EXCHANGED);
        stage.post(with(VERIFIER)).await.expect(200);
    }
}

#[tokio::test]
async fn nothing_brought_is_told_and_what_is_malformed_too() {
    let stage = Stage::of(Kind::GitHub).await;
    for body in [json!({}), json!({ "access_token": "", "code": " " }), json!({ "id_token": "x" })] {
        let reply = stage.api().post("github/", body).await;
        is_refused(&reply, "Incorrect input. access_token or code is required.");
    }
    let reply = stage.api().post("github/", json!({ "access_token": null, "code": [] })).await.expect(400);
    let expected =
        json!({ "access_token": ["This field may not be null."], "code": ["Not a valid string."] });
    assert_eq!(reply.json(), expected);
    is_refused(&stage.api().post("github/", json!({ "access_token": "gho_nothing" })).await, INCORRECT);
}

#[tokio::test]
async fn a_provider_without_a_client_id_is_nowhere() {
    let server = Server::start(&[]).await;
    for kind in ALL {
        for path in [path(kind), format!("{}connect/", path(kind))] {
            let reply = server.api().post(&path, json!({ "access_token": "x" })).await.expect(404);
            assert_eq!(reply.json(), json!({ "detail": "Not found." }), "{path}");
        }
    }
}

#[tokio::test]
async fn connecting_takes_credentials() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    let reply = stage.connect(&stage.api(), &ada).await.expect(401);
    assert_eq!(reply.json(), json!({ "detail": "Authentication credentials were not provided." }));
    for path in ["socialaccounts/", "socialaccounts/1/disconnect/"] {
        let method = if path.ends_with("connect/") { "POST" } else { "GET" };
        let request = stage.api().request(method, path);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_username_that_is_taken_is_made_another() {
    let stage = Stage::of(Kind::GitHub).await;
    Account { email: "other@example.net".to_owned(), ..Account::named("ada") }.register(&stage.api()).await;
    let user = stage.try_login(&Person::named("ada")).await.expect(200).json()["user"].clone();
    let username = user["username"].as_str().unwrap();
    let suffix = username.strip_prefix("ada").expect("made of what is known of him");
    assert!(!suffix.is_empty() && suffix.chars().all(|c| c.is_ascii_alphanumeric()), "{username}");
}

#[tokio::test]
async fn a_person_without_an_address_is_let_in_unless_one_must_be_verified() {
    let nobody = Person::named("ada").without_email();
    let stage = Stage::of(Kind::Twitter).await;
    let user = stage.try_login(&nobody).await.expect(200).json()["user"].clone();
    assert_eq!(user["email"], "");
    let strict = Stage::with(Kind::Twitter, &[("STELE_AUTH__EMAIL_VERIFICATION", "mandatory")]).await;
    is_refused(&strict.try_login(&nobody).await, "E-mail is not verified.");
}

#[tokio::test]
async fn an_address_that_must_be_verified_lets_in_once_it_is() {
    let (stage, ada) = (
        Stage::with(Kind::GitHub, &[("STELE_AUTH__EMAIL_VERIFICATION", "mandatory")]).await,
        Person::named("ada"),
    );
    is_refused(&stage.try_login(&ada).await, "E-mail is not verified.");
    is_refused(&stage.try_login(&ada).await, "E-mail is not verified.");
    let key = stage.server.verify_key("ada@example.com").await;
    stage.api().post("registration/verify-email/", json!({ "key": key })).await.expect(200);
    stage.login(&ada).await;
}

#[tokio::test]
async fn a_login_answers_as_the_token_mode_has_it() {
    let stage = Stage::with(Kind::GitHub, &[("STELE_AUTH__TOKENS", "key")]).await;
    let reply = stage.try_login(&Person::named("ada")).await.expect(200);
    let body = reply.json();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["key"]);
    let key = Tokens::of(&reply);
    let listed = key.on(&stage.api()).get("socialaccounts/").await.expect(200).json();
    assert_eq!(listed[0]["provider"], "github");
}

#[tokio::test]
async fn a_nonce_that_was_asked_for_must_come_back() {
    for stage in Stage::of_all([Kind::Google, Kind::Oidc]).await {
        let ada = stage.somebody();
        let grant = |nonce: &str| Grant { nonce: Some(nonce.to_owned()), ..Grant::of(&ada, CALLBACK) };
        let with = |nonce: &str| json!({ "code": stage.provider.code(grant(nonce)), "nonce": "n-0S6" });
        stage.post(with("n-0S6")).await.expect(200);
        is_refused(&stage.post(with("another")).await, INCORRECT);
        let unasked = json!({ "code": stage.provider.code(grant("n-0S6")) });
        is_refused(&stage.post(unasked).await, INCORRECT);
        // Where there is no ID token, nothing shows it.
        stage.provider.alter("/token", |body| drop(body.as_object_mut().unwrap().remove("id_token")));
        is_refused(&stage.post(with("n-0S6")).await, INCORRECT);
    }
}

#[tokio::test]
async fn what_is_listed_tells_when_somebody_came_in_that_way() {
    let (stage, ada) = (Stage::of(Kind::GitHub).await, Person::named("ada"));
    let first = stage.login(&ada).await;
    let list = async || first.on(&stage.api()).get("socialaccounts/").await.expect(200).json();
    let before = list().await;
    let one = &before[0];
    assert_eq!(
        (&one["id"], &one["provider"], &one["uid"]),
        (&json!(1), &json!("github"), &json!(ada.subject))
    );
    assert_eq!(one.as_object().unwrap().len(), 5);
    assert_eq!(one["last_login"], one["date_joined"]);
    stage.login(&ada).await;
    let after: Value = list().await;
    assert_eq!(after[0]["date_joined"], one["date_joined"]);
    assert_ne!(after[0]["last_login"], one["last_login"]);
}
