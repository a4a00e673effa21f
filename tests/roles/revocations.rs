//! What is revoked on one node is refused on the other: soon where a person did it, at once where an operator was told that it is done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{SOON, each};
use crate::support::{Account, Caller, Home, header, is_long, wait_for};

const ROUNDS: usize = 50;
const LONG_ROUNDS: usize = 1000;

/// How long it takes until a token that was just revoked elsewhere is refused here.
async fn refused_after(api: &Caller, access: &str, since: Instant) -> Duration {
    wait_for("the other node refuses the token", SOON, async || {
        let status = api.post("token/verify/", json!({"token": access})).await.status;
        assert!([200, 401].contains(&status), "{status}");
        (status == 401).then(|| since.elapsed())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_is_revoked_on_one_node_is_refused_on_the_other() {
    let home = Home::on_postgres(&[]);
    let [a, b] = each(&home, ["api,projector,mailer", "api"]).await;
    let (on_a, on_b) = (a.api(), b.api());
    let ada = Account::named("ada");
    ada.register(&on_a).await;
    let mut times = Vec::new();
    for _ in 0..if is_long() { LONG_ROUNDS } else { ROUNDS } {
        let tokens = ada.login(&on_a).await;
        on_b.post("token/verify/", json!({"token": tokens.access()})).await.expect(200);
        on_a.post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
        times.push(refused_after(&on_b, tokens.access(), Instant::now()).await);
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share).div_ceil(100) - 1];
    println!(
        "{} revocations were refused elsewhere after {:?} (p50), {:?} (p99)",
        times.len(),
        at(50),
        at(99)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_user_who_was_disabled_is_refused_by_every_node_at_once_in_either_token_mode() {
    for mode in ["jwt", "key"] {
        let home = Home::on_postgres(&[("STELE_AUTH__TOKENS", mode)]);
        let [a, b] = each(&home, ["api,projector", "api"]).await;
        let ada = Account::named("ada");
        ada.register(&a.api()).await;
        for _ in 0..5 {
            let tokens = ada.login(&a.api()).await;
            for server in [&a, &b] {
                tokens.on(&server.api()).get("user/").await.expect(200);
            }
            b.run(&["user", "disable", "ada"]).succeeded();
            for server in [&a, &b] {
                tokens.on(&server.api()).get("user/").await.expect(401);
            }
            b.run(&["user", "enable", "ada"]).succeeded();
            for server in [&a, &b] {
                tokens.on(&server.api()).get("user/").await.expect(401);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn every_node_knows_a_new_signing_key_before_it_signs() {
    let home = Home::on_postgres(&[]);
    let [a, b] = each(&home, ["api,projector", "api"]).await;
    let (on_a, on_b) = (a.api(), b.api());
    let ada = Account::named("ada");
    let old = ada.register(&on_a).await;
    let new = serde_json::from_str::<Value>(&a.run(&["keys", "rotate", "--json"]).succeeded()).unwrap();
    let tokens = wait_for("the new key signs", SOON, async || {
        let tokens = ada.login(&on_a).await;
        (header(tokens.access())["kid"] == new["kid"]).then_some(tokens)
    })
    .await;
    for tokens in [old, tokens] {
        tokens.on(&on_b).get("user/").await.expect(200);
    }
    let keys = async |api: &Caller| api.get("/.well-known/jwks.json").await.json()["keys"].clone();
    assert_eq!(keys(&on_a).await, keys(&on_b).await);
}
