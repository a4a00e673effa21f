//! A clock that is set while the server runs, by an hour in either direction: everybody goes on, nothing hangs for an
//! hour, and nothing that was acknowledged is lost. libfaketime moves the clock.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{
    Account, Caller, Home, NEW_PASSWORD, PASSWORD, SESSIONS, Server, Tokens, claims, comes_back_later,
};

const LIBRARIES: [&str; 3] = ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"];
const HOUR: i64 = 3600;

/// A server whose clock is off by as many seconds as a file in its folder says.
async fn server(env: &[(&str, &str)]) -> Server {
    let mut home = Home::new(env);
    let library = LIBRARIES.map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"));
    let library = library.iter().find(|library| Path::new(library).exists()).expect("faketime is installed");
    let offset = home.path().join("offset");
    for (name, value) in [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
    ] {
        home.set(name, value);
    }
    set(&home, 0);
    Server::at(home).await
}

/// Sets the clock this far off the real one.
fn set(home: &Home, seconds: i64) {
    let next = home.path().join("offset.next");
    fs::write(&next, format!("{seconds:+}")).unwrap();
    fs::rename(next, home.path().join("offset")).unwrap();
}

/// What the server takes for now, in seconds.
async fn now(api: &Caller, account: &Account) -> i64 {
    claims(account.login(api).await.access())["iat"].as_i64().unwrap()
}

/// Everything that can be done is done at once, and a session of before goes on.
async fn all_goes_on(server: &Server, name: &str, before: &Tokens) -> Tokens {
    let api = server.api();
    // At worst a token of another time is refused: then the client refreshes.
    let old = before.on(&api).get("user/").await;
    assert!(matches!(old.status, 200 | 401), "{old:?}");
    let next = before.refreshed(&api).await;
    next.on(&api).get("user/").await.expect(200);
    let account = Account::named(name);
    let own = account.register(&api).await;
    let other = account.login(&api).await;
    let body = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    own.on(&api).post("password/change/", body).await.expect(200);
    other.on(&api).get("user/").await.expect(401);
    other.try_refresh(&api).await.expect(401);
    account.try_login(&api, PASSWORD).await.expect(400);
    let key = server.verify_key(&account.email).await;
    // The change of the password has spent it.
    api.post("registration/verify-email/", json!({"key": key})).await.expect(404);
    let shown = own.on(&api).get(SESSIONS).await.expect(200).json();
    assert_eq!(shown.as_array().unwrap().len(), 1);
    next
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn a_clock_that_is_set_by_an_hour_stops_nobody() {
    let mut server = server(&[]).await;
    let account = Account::named("stayer");
    let mut tokens = account.register(&server.api()).await;
    let start = now(&server.api(), &account).await;
    for (step, offset) in [-HOUR, 0, HOUR, 0].into_iter().enumerate() {
        set(server.home(), offset);
        let is = now(&server.api(), &account).await - start;
        assert!((offset..offset + HOUR / 2).contains(&is), "the clock was set: {is}");
        tokens = all_goes_on(&server, &format!("running{step}"), &tokens).await;
        server.restart().await;
        tokens = all_goes_on(&server, &format!("restarted{step}"), &tokens).await;
        server.run(&["doctor"]).succeeded();
    }
    server.home().log().events().await;
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn links_expire_by_the_clock_and_a_clock_that_goes_back_gives_them_no_more_than_the_step() {
    let server = server(&[("STELE_AUTH__RESET_TTL", "30m")]).await;
    let (api, account) = (server.api(), Account::named("forgetful"));
    account.register(&api).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    let (uid, token) = server.reset_link(&account.email).await;
    let body =
        json!({"uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    set(server.home(), HOUR / 2 + 1);
    api.post("password/reset/confirm/", body.clone()).await.expect(400);
    set(server.home(), -HOUR);
    api.post("password/reset/confirm/", body.clone()).await.expect(200);
    api.post("password/reset/confirm/", body).await.expect(400);
}

#[tokio::test]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn who_is_over_a_limit_waits_for_no_longer_because_the_clock_was_set_back() {
    let server = server(&[("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__LOGIN", "3/5m")]).await;
    let (api, account) = (server.api(), Account::named("guessed"));
    account.register(&api).await;
    for _ in 0..3 {
        account.try_login(&api, NEW_PASSWORD).await.expect(400);
    }
    comes_back_later(&account.try_login(&api, PASSWORD).await, 429);
    set(server.home(), -HOUR);
    let after = comes_back_later(&account.try_login(&api, PASSWORD).await, 429);
    assert!(after <= 300, "{after} s");
    set(server.home(), 301 - HOUR);
    account.login(&api).await;
}
