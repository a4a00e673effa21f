//! The way to the provider: what it is told, what the browser keeps, and where nobody is sent.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::{BY_BROWSER, Stage, home_with};
use crate::support::{
    Server,
    providers::{Act, Kind, OUR_APP, Person, Provider},
};

#[tokio::test]
async fn a_provider_is_told_where_to_send_the_browser_back_to_and_what_to_repeat() {
    for stage in Stage::set_all(BY_BROWSER).await {
        let (kind, name) = (stage.kind, stage.kind.name());
        let sent = stage.begin().await;
        assert_eq!(sent.target.as_str().split('?').next(), Some(stage.provider.authorize_url().as_str()));
        assert_eq!(sent.asked("client_id"), OUR_APP);
        assert_eq!(sent.asked("response_type"), "code");
        assert_eq!(sent.asked("redirect_uri"), format!("http://stele.test/social/{name}/callback"));
        assert_eq!(sent.asked("code_challenge_method"), "S256");
        let again = stage.begin().await;
        for name in ["state", "code_challenge"] {
            assert_eq!(sent.asked(name).len(), 43, "256 bits: {}", sent.target);
            assert_ne!(sent.asked(name), again.asked(name));
        }
        assert!(!sent.asked("scope").is_empty());
        if matches!(kind, Kind::Google | Kind::Oidc) {
            assert_eq!(sent.asked("nonce").len(), 43);
            assert!(sent.asked("scope").split(' ').any(|scope| scope == "openid"));
        }
    }
}

#[tokio::test]
async fn the_verifier_is_shown_to_the_provider_and_to_nobody_else() {
    let stage = Stage::set(Kind::GitHub).await;
    let person = Person::named("ada");
    stage.provider.has(&person);
    let sent = stage.begin().await;
    stage.code(&sent, &person).await;
    let asked = stage.provider.seen("/login/oauth/access_token");
    let [exchange] = asked.as_slice() else { panic!("one exchange: {asked:?}") };
    let verifier = exchange.field("code_verifier").expect("a verifier");
    assert_eq!(BASE64URL_NOPAD.encode(&Sha256::digest(&verifier)), sent.asked("code_challenge"));
    assert!(!sent.cookie.contains(&verifier) && !sent.target.as_str().contains(&verifier));
}

#[tokio::test]
async fn the_cookie_goes_to_stele_alone_and_not_by_plain_connections_where_there_is_tls() {
    let provider = Provider::start(Kind::GitHub).await;
    let tls = [("STELE_API__PUBLIC_URL", "https://stele.test")];
    let server = Server::at(home_with(Kind::GitHub, &provider, &tls)).await;
    let reply = server.api().get("/social/github/start").await.expect(303);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-stele_login="), "{cookie}");
    for attribute in ["; HttpOnly", "; Path=/", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
    for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
        assert_eq!(reply.header(name), Some(value));
    }
    assert!(!reply.text.contains("http"), "{reply:?}");
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_is_not_on_or_speaks_another_language() {
    let stage = Stage::set(Kind::GitHub).await;
    let api = stage.server.api();
    for path in
        ["/social/google/start", "/social/twitter/start", "/social/google/callback", "/social/x/callback"]
    {
        api.get(path).await.expect(404);
    }
    let twitter = Provider::start(Kind::Twitter).await;
    let server = Server::at(home_with(Kind::Twitter, &twitter, &[])).await;
    server.api().get("/social/twitter/start").await.expect(404);
    for method in ["POST", "HEAD", "PUT"] {
        for path in ["/social/github/start", "/social/github/callback"] {
            assert_eq!(api.request(method, path).send().await.unwrap().status(), 405, "{method} {path}");
        }
    }
    for challenge in ["x", "!".repeat(43).as_str()] {
        api.get(&format!("/social/github/start?code_challenge={challenge}")).await.expect(400);
    }
}

#[tokio::test]
async fn without_a_front_end_nobody_is_sent_anywhere() {
    let provider = Provider::start(Kind::GitHub).await;
    let mut home = home_with(Kind::GitHub, &provider, &[]);
    home.set("STELE_SOCIAL__RETURN_URL", "");
    let server = Server::at(home).await;
    for path in ["/social/github/start", "/social/github/callback"] {
        server.api().get(path).await.expect(404);
    }
    server.api().post("/social/login/", serde_json::json!({"code": "x"})).await.expect(404);
}

#[tokio::test]
async fn a_front_end_hears_that_a_provider_is_away() {
    let stage = Stage::set(Kind::Oidc).await;
    stage.provider.misbehave("/.well-known/openid-configuration", Act::Status(503));
    let reply = stage.server.api().get("/social/corp/start").await;
    assert_eq!(super::told(&reply, "error"), "unavailable");
}
