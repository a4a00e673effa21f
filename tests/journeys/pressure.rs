//! More than is welcome: guesses, mails, more passwords than can be hashed, and other sites. Whoever is refused hears why,
//! and nobody else notices.

use serde_json::json;

use crate::support::{Account, Caller, NEW_PASSWORD, PASSWORD, Reply, Server, together};

const PROXY: (&str, &str) = ("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);

async fn limited(env: &[(&str, &str)]) -> Server {
    Server::start(&[&[("STELE_LIMITS__ENABLED", "true"), PROXY], env].concat()).await
}

fn from(server: &Server, address: &str) -> Caller {
    server.api().with("x-forwarded-for", address)
}

#[track_caller]
fn comes_back_later(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    let seconds: u64 = reply.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(seconds > 0, "{reply:?}");
    let body = reply.json();
    assert!(body["detail"].is_string() && body.as_object().unwrap().len() == 1, "{reply:?}");
}

#[tokio::test]
async fn guesses_are_delayed_for_real_and_made_up_accounts_alike_and_for_one_network_alone() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "3/1h")]).await;
    let real = Account::named("victim");
    real.register(&server.api()).await;
    let guesser = from(&server, "203.0.113.7");
    for account in [&real, &Account::named("nobody")] {
        for _ in 0..3 {
            account.try_login(&guesser, NEW_PASSWORD).await.expect(400);
        }
        comes_back_later(&account.try_login(&guesser, NEW_PASSWORD).await, 429);
    }
    comes_back_later(&real.try_login(&guesser, PASSWORD).await, 429);
    let by_mail = json!({"email": real.email, "password": NEW_PASSWORD});
    comes_back_later(&guesser.post("login/", by_mail).await, 429);
    let shouted = json!({"username": real.username.to_uppercase(), "password": NEW_PASSWORD});
    comes_back_later(&guesser.post("login/", shouted).await, 429);
    real.login(&from(&server, "198.51.100.1")).await;
    let fresh = Account::named("fresh");
    fresh.register(&guesser).await;
    fresh.login(&guesser).await;
}

#[tokio::test]
async fn an_address_that_nobody_vouches_for_does_not_help_a_guesser() {
    let server = Server::start(&[("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__LOGIN", "3/1h")]).await;
    let account = Account::named("victim");
    for index in 0..3 {
        let elsewhere = from(&server, &format!("203.0.113.{index}"));
        account.try_login(&elsewhere, NEW_PASSWORD).await.expect(400);
    }
    let elsewhere = from(&server, "203.0.113.200");
    comes_back_later(&account.try_login(&elsewhere, NEW_PASSWORD).await, 429);
}

#[tokio::test]
async fn a_login_that_succeeds_forgets_the_failures_before_it() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "3/1h")]).await;
    let account = Account::named("clumsy");
    account.register(&server.api()).await;
    for _ in 0..4 {
        account.try_login(&server.api(), NEW_PASSWORD).await.expect(400);
        account.login(&server.api()).await;
    }
}

#[tokio::test]
async fn mails_and_registrations_and_password_checks_are_counted_too() {
    let server = limited(&[
        ("STELE_LIMITS__RESET", "2/1h"),
        ("STELE_LIMITS__RESEND", "2/1h"),
        ("STELE_LIMITS__REGISTRATION", "2/1h"),
        ("STELE_LIMITS__PASSWORD_CHECK", "2/1h"),
        ("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true"),
    ])
    .await;
    let (api, account) = (server.api(), Account::named("writer"));
    let user = account.register(&api).await.on(&api);
    let change =
        json!({"old_password": NEW_PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    let mail = json!({"email": account.email});
    for (caller, path, body, status) in [
        (&api, "password/reset/", &mail, 200),
        (&api, "registration/resend-email/", &mail, 200),
        (&user, "password/change/", &change, 400),
    ] {
        for _ in 0..2 {
            caller.post(path, body.clone()).await.expect(status);
        }
        comes_back_later(&caller.post(path, body.clone()).await, 429);
    }
    let again = Account { username: "other".to_owned(), ..account.clone() };
    api.post("registration/", again.registration()).await.expect(400);
    comes_back_later(&api.post("registration/", again.registration()).await, 429);
    let sent = server.mails().await;
    let resets = sent.iter().filter(|mail| mail.reset_link().is_some());
    assert_eq!(resets.count(), 2);
}

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
