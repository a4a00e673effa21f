//! More than is welcome: more passwords than can be hashed, and pages of other sites. Whoever is refused hears why, and
//! nobody else notices.

use serde_json::json;

use crate::support::{Account, NEW_PASSWORD, PASSWORD, Server, comes_back_later, together};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_passwords_than_can_be_hashed_are_answered_503_and_the_rest_is_served() {
    let server = Server::start(&[
        ("STELE_HASH__THREADS", "1"),
        ("STELE_HASH__QUEUE", "2"),
        ("STELE_HASH__DEADLINE", "60s"),
    ])
    .await;
    let (api, account) = (server.api(), Account::named("busy"));
    let user = account.register(&api).await.on(&api);
    let tries = (0..60).map(|_| {
        let (api, account) = (api.clone(), account.clone());
        async move { account.try_login(&api, PASSWORD).await }
    });
    let (replies, seen) = tokio::join!(together(tries), user.get("user/"));
    seen.expect(200);
    let (answered, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert!(!answered.is_empty() && !refused.is_empty(), "{} answered", answered.len());
    for reply in refused {
        comes_back_later(reply, 503);
    }
    account.login(&api).await;
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let server = Server::start(&[("STELE_API__CORS_ORIGINS", r#"["https://app.test"]"#)]).await;
    let account = Account::named("page");
    let reply =
        server.api().with("origin", "https://app.test").post("registration/", account.registration()).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.test"));
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
    for other in ["https://app.test.evil.test", "http://app.test", "https://app.test:444", "null"] {
        let reply = server.api().with("origin", other).get("user/").await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{other}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_does_nothing_with_cookies() {
    let server =
        Server::start(&[("STELE_JWT__ACCESS_COOKIE", "auth"), ("STELE_JWT__REFRESH_COOKIE", "refresh")])
            .await;
    let (api, account) = (server.api(), Account::named("surfer"));
    let cookies = api.post("registration/", account.registration()).await.expect(201).cookies();
    let browser = api.with("cookie", &format!("auth={}; refresh={}", cookies["auth"], cookies["refresh"]));
    let change = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    for (header, value) in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("referer", "https://evil.test/stele.test"),
    ] {
        let elsewhere = browser.with(header, value);
        for path in ["password/change/", "logout/", "token/refresh/", "login/"] {
            let reply = elsewhere.post(path, change.clone()).await.expect(403);
            assert!(reply.json()["detail"].is_string() && reply.cookies().is_empty(), "{reply:?}");
        }
    }
    browser.get("user/").await.expect(200);
    account.try_login(&api, PASSWORD).await.expect(200);
    let own = browser.with("origin", &format!("http://{}", server.address()));
    own.post("password/change/", change).await.expect(200);
}
