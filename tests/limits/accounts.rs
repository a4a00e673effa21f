//! Guesses at the password of one account: whatever name it is called by, and however many come at once.

use serde_json::{Value, json};

use super::{from, is_throttled, limited};
use crate::support::{Account, NEW_PASSWORD, PASSWORD, together};

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
        is_throttled(&account.try_login(&guesser, NEW_PASSWORD).await);
    }
    is_throttled(&real.try_login(&guesser, PASSWORD).await);
    real.login(&from(&server, "198.51.100.1")).await;
    let fresh = Account::named("fresh");
    fresh.register(&guesser).await;
    fresh.login(&guesser).await;
}

/// Every way to call one account, in every case that leads to it.
fn names(account: &Account, guess: &str) -> Vec<Value> {
    let Account { username, email, .. } = account;
    let shouted = format!("{}@EXAMPLE.COM", email.split('@').next().unwrap());
    let mut bodies = Vec::new();
    for name in [username, &username.to_uppercase(), email, &email.to_uppercase(), &shouted] {
        bodies.push(json!({"username": name, "password": guess}));
        bodies.push(json!({"username": format!("  {name} "), "password": guess}));
        if name.contains('@') {
            bodies.push(json!({"email": name, "password": guess}));
        }
    }
    bodies
}

#[tokio::test]
async fn all_names_of_one_account_are_counted_as_one() {
    let real = Account::named("victim");
    let each = names(&real, NEW_PASSWORD);
    let limit = format!("{}/1h", each.len());
    let server = limited(&[("STELE_LIMITS__LOGIN", &limit)]).await;
    real.register(&server.api()).await;
    let guesser = from(&server, "203.0.113.7");
    for body in &each {
        guesser.post("login/", body.clone()).await.expect(400);
    }
    for body in each.into_iter().chain(names(&real, PASSWORD)) {
        is_throttled(&guesser.post("login/", body).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_guesses_at_once_no_more_are_judged_than_the_limit_allows() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "10/1h"), ("STELE_LIMITS__NETWORK", "1000/1h")]).await;
    let real = Account::named("victim");
    real.register(&server.api()).await;
    for account in [&real, &Account::named("nobody")] {
        let tries = (0..200).map(|index| {
            let (guesser, account) = (from(&server, "203.0.113.7"), account.clone());
            async move { account.try_login(&guesser, &format!("{NEW_PASSWORD}-{index}")).await }
        });
        let (judged, delayed): (Vec<_>, Vec<_>) =
            together(tries).await.into_iter().partition(|reply| reply.status == 400);
        assert_eq!((judged.len(), delayed.len()), (10, 190), "{}", account.username);
        delayed.iter().for_each(is_throttled);
    }
    real.login(&from(&server, "198.51.100.1")).await;
}

#[tokio::test]
async fn a_login_that_succeeds_forgets_the_failures_before_it() {
    let server = limited(&[("STELE_LIMITS__LOGIN", "3/1h")]).await;
    let account = Account::named("clumsy");
    account.register(&server.api()).await;
    for _ in 0..4 {
        for _ in 0..2 {
            account.try_login(&server.api(), NEW_PASSWORD).await.expect(400);
        }
        account.login(&server.api()).await;
    }
    for _ in 0..3 {
        account.try_login(&server.api(), NEW_PASSWORD).await.expect(400);
    }
    is_throttled(&account.try_login(&server.api(), PASSWORD).await);
}

#[tokio::test]
async fn counts_outlive_a_restart_and_end_with_their_window() {
    let mut server = limited(&[("STELE_LIMITS__LOGIN", "2/3s")]).await;
    let account = Account::named("patient");
    account.register(&server.api()).await;
    let deadline = std::time::Duration::from_secs(30);
    let throttled = async |server: &crate::support::Server| {
        crate::support::wait_for("the account is throttled", deadline, async || {
            let reply = account.try_login(&server.api(), NEW_PASSWORD).await;
            (reply.status == 429).then_some(reply)
        })
        .await
    };
    is_throttled(&throttled(&server).await);
    crate::support::wait_for("the window is over", deadline, async || {
        (account.try_login(&server.api(), PASSWORD).await.status == 200).then_some(())
    })
    .await;
    server.home_mut().set("STELE_LIMITS__LOGIN", "2/1h");
    server.restart().await;
    is_throttled(&throttled(&server).await);
    server.restart().await;
    is_throttled(&account.try_login(&server.api(), PASSWORD).await);
}
