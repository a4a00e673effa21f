//! Each kind of attempt has a limit of its own: mails asked for, registrations, and checks of the password that one has.

use serde_json::{Value, json};

use super::{from, is_throttled, limited};
use crate::support::{Account, Caller, NEW_PASSWORD, PASSWORD, Server};

/// Answered `status` so often as the limit of all tests here allows, and then no more.
async fn is_answered_twice(caller: &Caller, path: &str, body: &Value, status: u16) {
    for _ in 0..2 {
        caller.post(path, body.clone()).await.expect(status);
    }
    is_throttled(&caller.post(path, body.clone()).await);
}

async fn mails_with_a_link(server: &Server, address: &str) -> usize {
    let mails = server.mails().await;
    mails.iter().filter(|mail| mail.is_to(address) && !mail.links().is_empty()).count()
}

#[tokio::test]
async fn reset_mails_are_counted_for_each_address_known_or_not() {
    let server = limited(&[("STELE_LIMITS__RESET", "2/1h")]).await;
    let (api, account) = (server.api(), Account::named("writer"));
    let other = Account::named("other");
    account.register(&api).await;
    other.register(&api).await;
    let before = mails_with_a_link(&server, &account.email).await;
    for email in [account.email.as_str(), "nobody@example.com"] {
        is_answered_twice(&api, "password/reset/", &json!({"email": email}), 200).await;
    }
    let shouted = json!({"email": account.email.to_uppercase()});
    is_throttled(&api.post("password/reset/", shouted).await);
    assert_eq!(mails_with_a_link(&server, &account.email).await, before + 2);
    api.post("password/reset/", json!({"email": other.email})).await.expect(200);
    let elsewhere = from(&server, "198.51.100.1");
    elsewhere.post("password/reset/", json!({"email": account.email})).await.expect(200);
}

#[tokio::test]
async fn verification_mails_are_counted_for_each_address_known_or_not() {
    let server = limited(&[("STELE_LIMITS__RESEND", "2/1h")]).await;
    let (api, account) = (server.api(), Account::named("writer"));
    account.register(&api).await;
    for email in [account.email.as_str(), "nobody@example.com"] {
        is_answered_twice(&api, "registration/resend-email/", &json!({"email": email}), 200).await;
    }
    assert_eq!(mails_with_a_link(&server, &account.email).await, 3);
    let elsewhere = from(&server, "198.51.100.1");
    elsewhere.post("registration/resend-email/", json!({"email": account.email})).await.expect(200);
}

#[tokio::test]
async fn registrations_are_counted_for_each_network_the_refused_ones_too() {
    let server = limited(&[("STELE_LIMITS__REGISTRATION", "2/1h")]).await;
    let api = from(&server, "203.0.113.7");
    let account = Account::named("first");
    account.register(&api).await;
    api.post("registration/", account.registration()).await.expect(400);
    let second = Account::named("second");
    is_throttled(&api.post("registration/", second.registration()).await);
    second.try_login(&api, PASSWORD).await.expect(400);
    second.register(&from(&server, "198.51.100.1")).await;
    account.login(&api).await;
}

#[tokio::test]
async fn checks_of_the_old_password_are_counted_wherever_it_is_asked_for() {
    let server =
        limited(&[("STELE_LIMITS__PASSWORD_CHECK", "2/1h"), ("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true")])
            .await;
    let (api, account) = (server.api(), Account::named("owner"));
    let user = account.register(&api).await.on(&api);
    let bystander = Account::named("bystander").register(&api).await.on(&api);
    let change = |old: &str| json!({"old_password": old, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    let address = |password: &str| json!({"email": "new@example.net", "password": password});
    user.post("password/change/", change("wrong-one")).await.expect(400);
    user.post("email/change/", address("wrong-two")).await.expect(400);
    is_throttled(&user.post("password/change/", change(PASSWORD)).await);
    is_throttled(&user.post("email/change/", address(PASSWORD)).await);
    account.login(&api).await;
    bystander.post("password/change/", change(PASSWORD)).await.expect(200);
    let elsewhere = user.with("x-forwarded-for", "198.51.100.1");
    elsewhere.post("password/change/", change(PASSWORD)).await.expect(200);
}

#[tokio::test]
async fn mails_to_new_addresses_are_counted_for_each_user() {
    let server = limited(&[("STELE_LIMITS__CHANGE", "2/1h")]).await;
    let (api, account) = (server.api(), Account::named("restless"));
    let user = account.register(&api).await.on(&api);
    for index in 0..2 {
        let body = json!({"email": format!("stranger{index}@example.net"), "password": PASSWORD});
        user.post("email/change/", body).await.expect(200);
    }
    let body = json!({"email": "stranger3@example.net", "password": PASSWORD});
    is_throttled(&user.post("email/change/", body).await);
    assert_eq!(mails_with_a_link(&server, "stranger3@example.net").await, 0);
}

#[tokio::test]
async fn new_passwords_are_counted_for_each_user_and_so_are_the_mails_that_tell_of_them() {
    let server = limited(&[("STELE_LIMITS__CHANGE", "2/1h")]).await;
    let (api, account) = (server.api(), Account::named("fickle"));
    let user = account.register(&api).await.on(&api);
    let body = |index: u32| {
        let password = format!("Another-staple-{index}");
        json!({"new_password1": password, "new_password2": password})
    };
    for index in 0..2 {
        user.post("password/change/", body(index)).await.expect(200);
    }
    is_throttled(&user.post("password/change/", body(2)).await);
    account.try_login(&api, "Another-staple-1").await.expect(200);
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.is_to(&account.email)).count(), 3, "one of them to verify");
}

#[tokio::test]
async fn new_names_are_counted_for_each_user_so_that_nobody_tries_out_which_are_taken() {
    let server = limited(&[("STELE_LIMITS__PROFILE", "2/1h")]).await;
    let (api, account, other) = (server.api(), Account::named("curious"), Account::named("other"));
    let user = account.register(&api).await.on(&api);
    let unhindered = other.register(&api).await.on(&api);
    for index in 0..2 {
        user.patch("user/", json!({"username": format!("guess{index}")})).await.expect(200);
    }
    is_throttled(&user.patch("user/", json!({"username": "guess2"})).await);
    unhindered.patch("user/", json!({"first_name": "Olga"})).await.expect(200);
    user.get("user/").await.expect(200);
}

#[tokio::test]
async fn links_that_come_back_are_counted_for_each_network_wherever_they_do() {
    let server = limited(&[("STELE_LIMITS__LINK", "2/1h")]).await;
    let (api, account) = (server.api(), Account::named("hasty"));
    account.register(&api).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    let (uid, token) = server.reset_link(&account.email).await;
    let body = |token: &str| json!({"uid": uid, "token": token, "new_password1": "Another-staple-1", "new_password2": "Another-staple-1"});
    for _ in 0..2 {
        api.post("password/reset/confirm/", body("guess")).await.expect(400);
    }
    is_throttled(&api.post("password/reset/confirm/", body(&token)).await);
    is_throttled(
        &api.post("registration/verify-email/", json!({"key": server.verify_key(&account.email).await}))
            .await,
    );
    account.login(&api).await;
}
