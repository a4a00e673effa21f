//! What counts as one network, whose word is believed about it, and the limit on all that one network does.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{ENABLED, PROXY, from, is_throttled, limited};
use crate::support::{Account, Caller, NEW_PASSWORD, PASSWORD, Reply, Server, wait_for};

#[tokio::test]
async fn all_kinds_of_attempts_together_are_counted_for_a_network() {
    let server =
        limited(&[("STELE_LIMITS__NETWORK", "6/1h"), ("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true")]).await;
    let (api, account) = (from(&server, "203.0.113.7"), Account::named("busy"));
    let user = account.register(&api).await.on(&api);
    let mail = json!({"email": account.email});
    let change =
        json!({"old_password": NEW_PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    api.post("password/reset/", mail.clone()).await.expect(200);
    api.post("registration/resend-email/", mail.clone()).await.expect(200);
    user.post("password/change/", change.clone()).await.expect(400);
    account.try_login(&api, NEW_PASSWORD).await.expect(400);
    Account::named("nobody").try_login(&api, NEW_PASSWORD).await.expect(400);

    is_throttled(&account.try_login(&api, PASSWORD).await);
    is_throttled(&api.post("password/reset/", mail.clone()).await);
    is_throttled(&api.post("registration/resend-email/", mail).await);
    is_throttled(&user.post("password/change/", change).await);
    is_throttled(&user.post("email/change/", json!({"email": "a@example.net", "password": PASSWORD})).await);
    is_throttled(&api.post("registration/", Account::named("late").registration()).await);
    user.get("user/").await.expect(200);
    account.login(&from(&server, "198.51.100.1")).await;
}

/// As many passwords may wait on the servers that a crowd comes to.
const QUEUE: usize = 8;

async fn guess(caller: &Caller) -> Reply {
    Account::named("victim").try_login(caller, NEW_PASSWORD).await
}

#[tokio::test]
async fn the_word_of_a_peer_that_nobody_trusts_changes_nothing() {
    for proxies in ["[]", r#"["10.0.0.0/8"]"#] {
        let server = Server::start(&[
            ENABLED,
            ("STELE_LIMITS__LOGIN", "3/1h"),
            ("STELE_API__TRUSTED_PROXIES", proxies),
        ])
        .await;
        for index in 0..3 {
            guess(&from(&server, &format!("203.0.113.{index}"))).await.expect(400);
        }
        is_throttled(&guess(&from(&server, "203.0.113.200")).await);
        is_throttled(&guess(&server.api()).await);
        is_throttled(&guess(&server.api().with("x-real-ip", "203.0.113.201")).await);
        is_throttled(&guess(&server.api().with("forwarded", "for=203.0.113.202")).await);
    }
}

/// What a client writes into the header himself stands left of what the proxy adds.
#[tokio::test]
async fn what_the_client_wrote_before_the_proxy_changes_nothing() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "3/1h")]).await;
    for index in 0..3 {
        guess(&from(&server, &format!("198.51.100.{index}, 203.0.113.7"))).await.expect(400);
    }
    is_throttled(&guess(&from(&server, "198.51.100.200, 203.0.113.7")).await);
    is_throttled(&guess(&from(&server, "203.0.113.7, 127.0.0.1")).await);
    is_throttled(&guess(&from(&server, "::ffff:203.0.113.7")).await);
    guess(&from(&server, "203.0.113.8")).await.expect(400);
}

#[tokio::test]
async fn all_addresses_of_a_customer_of_ipv6_are_one_network() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "3/1h")]).await;
    for index in 1..4 {
        guess(&from(&server, &format!("2001:db8:1:2:{index}::{index}"))).await.expect(400);
    }
    is_throttled(&guess(&from(&server, "2001:db8:1:2:ffff::1")).await);
    guess(&from(&server, "2001:db8:1:3::1")).await.expect(400);
}

/// Its requests wait for a hash, all at once and again as soon as they are answered.
fn crowd_at(api: &Caller) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for _ in 0..3 * QUEUE {
        let api = api.clone();
        crowd.spawn(async move {
            loop {
                guess(&api).await;
            }
        });
    }
    crowd
}

#[tokio::test]
async fn a_crowd_from_one_network_leaves_room_for_another() {
    let queue = QUEUE.to_string();
    let server =
        Server::start(&[PROXY, ("STELE_HASH__QUEUE", &queue), ("STELE_HASH__DEADLINE", "10s")]).await;
    let account = Account::named("calm");
    account.register(&from(&server, "198.51.100.1")).await;
    let crowd = crowd_at(&from(&server, "203.0.113.7"));
    let is_full = async || (guess(&from(&server, "203.0.113.7")).await.status == 503).then_some(());
    wait_for("the crowd has all it gets", Duration::from_secs(30), is_full).await;

    for _ in 0..5 {
        account.login(&from(&server, "198.51.100.1")).await;
    }
    drop(crowd);
}

#[tokio::test]
async fn where_limits_are_off_nothing_is_counted() {
    let server =
        Server::start(&[PROXY, ("STELE_LIMITS__LOGIN", "1/1h"), ("STELE_LIMITS__NETWORK", "1/1h")]).await;
    for _ in 0..4 {
        guess(&server.api()).await.expect(400);
    }
}
