//! Providers do what they are told, so that a test that trusts them tests something.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Act, Grant, Kind, OTHER_APP, OUR_APP, OUR_SECRET, PASSWORD_THERE, Person, Provider, Signing,
    signature::{self, hmac_sha1},
    world::World,
};
use crate::support::{Caller, Reply, wait_for};

const SOON: Duration = Duration::from_secs(30);
const CALLBACK: &str = "http://front.test/callback?from=there";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn ada() -> Person {
    Person::named("ada")
}

fn api(provider: &Provider) -> Caller {
    Caller::to(provider.address()).with("user-agent", "stele")
}

async fn redeemed(provider: &Provider, code: &str, more: &[(&str, &str)]) -> Reply {
    let client =
        [("client_id", OUR_APP), ("client_secret", OUR_SECRET), ("grant_type", "authorization_code")];
    let fields = [&client[..], &[("code", code), ("redirect_uri", CALLBACK)], more].concat();
    let path = provider.token_url().replace(provider.url(), "");
    let request = api(provider).request("POST", &path).header("accept", "application/json");
    Reply::to(request.form(&fields)).await
}

/// What an ID token says, if it is signed by the key that is published.
async fn claims(provider: &Provider, jwks: &str, token: &str) -> Option<Value> {
    let keys = api(provider).get(jwks).await.expect(200);
    let key = DecodingKey::from_rsa_components(&keys.at("/keys/0/n"), &keys.at("/keys/0/e")).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[OUR_APP]);
    decode(token, &key, &rules).ok().map(|token| token.claims)
}

#[tokio::test]
async fn a_code_is_exchanged_once_at_the_right_address_and_by_who_made_the_challenge() {
    assert_eq!(BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER)), CHALLENGE, "as in RFC 7636, appendix B");
    for kind in [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Oidc] {
        let provider = Provider::start(kind).await;
        let grant = || Grant { challenge: Some(CHALLENGE.to_owned()), ..Grant::of(&ada(), CALLBACK) };
        let verifier = [("code_verifier", VERIFIER)];
        let code = provider.code(grant());
        let given = redeemed(&provider, &code, &verifier).await.expect(200);
        assert!(given.json()["access_token"].is_string(), "{given:?}");
        let elsewhere = Grant { redirect_uri: "http://front.test/".to_owned(), ..grant() };
        let foreign = Grant { app: OTHER_APP.to_owned(), ..grant() };
        let refused = [
            redeemed(&provider, &code, &verifier).await,
            redeemed(&provider, &provider.code(grant()), &[]).await,
            redeemed(&provider, &provider.code(grant()), &[("code_verifier", CHALLENGE)]).await,
            redeemed(&provider, &provider.code(Grant::of(&ada(), CALLBACK)), &verifier).await,
            redeemed(&provider, &provider.code(elsewhere), &verifier).await,
            redeemed(&provider, &provider.code(foreign), &verifier).await,
        ];
        for reply in refused {
            assert_eq!(reply.status, if kind == Kind::GitHub { 200 } else { 400 }, "{kind:?}: {reply:?}");
            assert!(!reply.json()["error"].is_null(), "{kind:?}: {reply:?}");
        }
        assert!(provider.seen(provider.token_url().rsplit('/').next().unwrap()).len() == 7);
    }
}

#[tokio::test]
async fn google_says_whose_a_token_is_and_to_whom_it_was_issued() {
    let google = Provider::start(Kind::Google).await;
    let info = |token: String| {
        let google = api(&google);
        async move { google.get(&format!("/oauth2/v3/tokeninfo?access_token={token}")).await }
    };
    let ours = google.token(&ada().with_email("ada@example.com", true));
    let told = info(ours.value.clone()).await.expect(200).json();
    assert_eq!((&told["aud"], &told["email_verified"]), (&json!(OUR_APP), &json!("true")));
    assert_eq!(told["sub"], json!(ada().subject));
    assert_eq!(info(google.token_for(OTHER_APP, &ada()).value).await.expect(200).at("/aud"), OTHER_APP);
    info(google.expired_token(&ada()).value).await.expect(400);
    let user = api(&google).bearer(&ours.value).get("/oauth2/v3/userinfo").await.expect(200);
    assert_eq!(user.at("/email"), "ada@example.com");
    api(&google).bearer("ya29.none").get("/v1/userinfo").await.expect(401);
    let token = google.id_token(&ada(), |_| {});
    let claims = claims(&google, "/oauth2/v3/certs", &token).await.unwrap();
    assert_eq!(claims["iss"], json!("https://accounts.google.com"));
}

#[tokio::test]
async fn github_tells_an_application_of_its_own_tokens_only() {
    let github = Provider::start(Kind::GitHub).await;
    let person =
        Person { emails: vec![("a@example.com".into(), true), ("b@example.com".into(), false)], ..ada() };
    let basic = format!("Basic {}", BASE64.encode(format!("{OUR_APP}:{OUR_SECRET}").as_bytes()));
    let app = api(&github).with("authorization", &basic);
    let check = format!("/applications/{OUR_APP}/token");
    let ours = github.token(&person);
    let told = app.post(&check, json!({"access_token": ours.value})).await.expect(200);
    assert_eq!((told.at("/app/client_id"), told.at("/user/login")), (OUR_APP.to_owned(), "ada".to_owned()));
    let foreign = github.token_for(OTHER_APP, &person);
    app.post(&check, json!({"access_token": foreign.value})).await.expect(404);
    app.post(&check, json!({})).await.expect(422);
    api(&github).post(&check, json!({"access_token": ours.value})).await.expect(401);
    let user = api(&github).bearer(&foreign.value);
    assert_eq!(user.get("/user").await.expect(200).json()["id"], json!(person.number()));
    assert_eq!(user.get("/user/emails").await.expect(200).json()[1]["verified"], json!(false));
    let nameless = Caller::to(github.address()).bearer(&ours.value);
    nameless.get("/user").await.expect(403);
}

#[tokio::test]
async fn facebook_tells_an_application_of_its_own_tokens_only() {
    let facebook = Provider::start(Kind::Facebook).await;
    let app = format!("{OUR_APP}%7C{OUR_SECRET}");
    let debug = |token: String| {
        let (api, app) = (api(&facebook), &app);
        async move { api.get(&format!("/v24.0/debug_token?input_token={token}&access_token={app}")).await }
    };
    let ours = facebook.token(&ada());
    let told = debug(ours.value.clone()).await.expect(200).json();
    assert_eq!((&told["data"]["app_id"], &told["data"]["is_valid"]), (&json!(OUR_APP), &json!(true)));
    for bad in [facebook.token_for(OTHER_APP, &ada()), facebook.expired_token(&ada())] {
        assert_eq!(debug(bad.value).await.expect(200).json()["data"]["is_valid"], json!(false));
    }
    api(&facebook).get("/debug_token?input_token=x&access_token=y").await.expect(400);
    let me =
        api(&facebook).get(&format!("/me?fields=id,email&access_token={}", ours.value)).await.expect(200);
    assert_eq!(me.json(), json!({"email": "ada@example.com", "id": ada().subject}));
    let mailless = facebook.token(&Person::named("eve").without_email());
    let me = api(&facebook).bearer(&mailless.value).get("/v24.0/me?fields=email,name").await.expect(200);
    assert_eq!(me.json()["email"], Value::Null);
    let forged = format!("/me?access_token={}&appsecret_proof=00", ours.value);
    api(&facebook).get(&forged).await.expect(400);
}

#[test]
fn a_signature_is_worked_out_as_the_standard_does() {
    // The example of OAuth Core 1.0, appendix A.5.
    let base = "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03\
                %26oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096\
                %26oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal";
    assert_eq!(hmac_sha1(base, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00"), "tR3+Ty81lMeYAr/Fid0kMTYa/WM=");
}

#[tokio::test]
async fn twitter_answers_who_signs_with_both_secrets_and_never_twice() {
    const PATH: &str = "/1.1/account/verify_credentials.json?include_email=true";
    let twitter = Provider::start(Kind::Twitter).await;
    let ask = async |header: &str| api(&twitter).with("authorization", header).get(PATH).await;
    let token = twitter.token(&ada());
    let now = World::now();
    let good = signed(&twitter, (&token.value, &token.secret), now, "one");
    assert_eq!(ask(&good).await.expect(200).at("/email"), "ada@example.com");
    assert_eq!(ask(&good).await.expect(401).json()["errors"][0]["code"], json!(32), "a nonce is used once");
    let foreign = twitter.token_for(OTHER_APP, &ada());
    for (header, code) in [
        (signed(&twitter, (&token.value, &foreign.secret), now, "two"), 32),
        (signed(&twitter, (&foreign.value, &foreign.secret), now, "three"), 89),
        (signed(&twitter, (&token.value, &token.secret), now - 1000, "four"), 135),
    ] {
        assert_eq!(ask(&header).await.expect(401).json()["errors"][0]["code"], json!(code));
    }
    ask("Bearer x").await.expect(400);
}

/// The header of a request for who somebody is.
fn signed(twitter: &Provider, (token, secret): (&str, &str), time: u64, nonce: &str) -> String {
    let time = time.to_string();
    let fields = [
        ("oauth_consumer_key", OUR_APP),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", &time),
        ("oauth_token", token),
        ("oauth_version", "1.0"),
    ];
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let pairs = format!("include_email=true&{}", pairs.join("&"));
    let url = format!("{}/1.1/account/verify_credentials.json", twitter.url());
    let base = format!("GET&{}&{}", signature::encode(&url), signature::encode(&pairs));
    let signature = signature::encode(&hmac_sha1(&base, OUR_SECRET, secret));
    let own: Vec<_> = fields.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("OAuth {}, oauth_signature=\"{signature}\"", own.join(", "))
}

#[tokio::test]
async fn a_person_logs_in_on_a_page_or_declines() {
    let provider = Provider::start(Kind::Oidc).await;
    provider.has(&ada());
    provider.allow_callback(CALLBACK);
    let page = |redirect: &str| {
        let mut query = form_urlencoded::Serializer::new(format!(
            "{}?",
            provider.authorize_url().replace(provider.url(), "")
        ));
        let query = query.extend_pairs([("client_id", OUR_APP), ("response_type", "code"), ("state", "s&t")]);
        query.append_pair("redirect_uri", redirect).append_pair("nonce", "n").finish()
    };
    let page_url = page(CALLBACK);
    assert!(api(&provider).get(&page_url).await.expect(200).text.contains("<form"));
    api(&provider).get(&page("http://evil.test/")).await.expect(400);
    let press = async |answer: &str, password: &str| {
        let fields = [("login", "ada"), ("password", password), ("answer", answer)];
        Reply::to(api(&provider).request("POST", &page_url).form(&fields)).await
    };
    press("allow", "guessed").await.expect(401);
    let denied = press("deny", "").await.expect(303);
    assert!(
        denied
            .header("location")
            .unwrap()
            .starts_with(&format!("{CALLBACK}&error=access_denied&state=s%26t"))
    );
    let allowed = press("allow", PASSWORD_THERE).await.expect(303);
    let location = reqwest::Url::parse(allowed.header("location").unwrap()).unwrap();
    let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let tokens = redeemed(&provider, &code, &[]).await.expect(200);
    let said = claims(&provider, "/jwks", &tokens.at("/id_token")).await.unwrap();
    assert_eq!((&said["nonce"], &said["iss"]), (&json!("n"), &json!(provider.url())));
    let user = api(&provider).bearer(&tokens.at("/access_token")).get("/userinfo").await.expect(200);
    assert_eq!(user.at("/sub"), ada().subject);
}

#[tokio::test]
async fn id_tokens_are_as_bad_as_a_test_wants_them() {
    let provider = Provider::start(Kind::Oidc).await;
    for signing in [
        Signing::None,
        Signing::Hs256WithPublicKey,
        Signing::Hs256WithClientSecret,
        Signing::Stranger,
        Signing::UnknownKey,
    ] {
        let token = provider.id_token(&ada(), |token| token.signing = signing);
        assert_eq!(token.split('.').count(), 3, "{signing:?}");
        assert_eq!(claims(&provider, "/jwks", &token).await, None, "{signing:?}");
    }
    let token = provider.id_token(&ada(), |_| {});
    assert!(claims(&provider, "/jwks", &token).await.is_some());
    provider.rotate_keys();
    assert!(claims(&provider, "/jwks", &token).await.is_none());
    provider.bend_id_tokens(|token| token.claims["sub"] = json!("eve"));
    let tokens = redeemed(&provider, &provider.code(Grant::of(&ada(), CALLBACK)), &[]).await.expect(200);
    assert_eq!(claims(&provider, "/jwks", &tokens.at("/id_token")).await.unwrap()["sub"], json!("eve"));
}

#[tokio::test]
async fn providers_misbehave_until_they_behave() {
    let provider = Provider::start(Kind::Oidc).await;
    let get = async || Reply::try_to(api(&provider).request("GET", "/jwks")).await;
    let right = get().await.unwrap();
    let spoilt = async |act: Act| {
        provider.misbehave("/jwks", act);
        get().await
    };
    assert!(spoilt(Act::Drop).await.is_none() && spoilt(Act::Cut).await.is_none());
    assert_eq!(spoilt(Act::Status(503)).await.unwrap().status, 503);
    assert_eq!(spoilt(Act::Say("[]")).await.unwrap().text, "[]");
    assert!(serde_json::from_str::<Value>(&spoilt(Act::Malformed).await.unwrap().text).is_err());
    assert_eq!(spoilt(Act::Redirect("/token".into())).await.unwrap().header("location"), Some("/token"));
    assert!(spoilt(Act::Huge).await.unwrap().text.len() > 1 << 20);
    provider.alter("/jwks", |keys| keys["keys"] = json!([]));
    assert_eq!(get().await.unwrap().text, r#"{"keys":[]}"#);

    provider.misbehave("/jwks", Act::Trickle);
    let response = api(&provider).request("GET", "/jwks").send().await.unwrap();
    assert_eq!(response.status(), 200, "the head comes at once and the rest hardly");
    drop(response);
    provider.misbehave("/jwks", Act::Hang);
    let before = provider.seen("/jwks").len();
    let hung = tokio::spawn(Reply::to(api(&provider).request("GET", "/jwks")));
    wait_for("the request", SOON, async || (provider.seen("/jwks").len() > before).then_some(())).await;
    assert!(!hung.is_finished());
    provider.behave();
    assert_eq!(hung.await.unwrap().text, right.text);
    assert!(provider.connections() > 2);
}
