//! A node that hears of no revocations for too long judges no token; it goes on by itself when it hears again.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::readiness::Wiped;
use crate::support::{Account, Caller, Reply, Server, Tokens, comes_back_later, wait_for};

/// Longer than the second in which a follower looks at the log, so that a node that hears is never silent.
const SILENCE: (&str, &str) = ("STELE_REVOCATION__MAX_SILENCE", "5s");
const PATIENCE: Duration = Duration::from_mins(1);

/// Keeps everybody else from writing to the read models, so that no follower can advance or keep its lease.
pub(super) async fn hold_views(server: &Server) -> SqliteConnection {
    let file = server.home().data().join("views.db");
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(PATIENCE);
    let mut views = options.connect().await.unwrap();
    sqlx::query("begin immediate").execute(&mut views).await.unwrap();
    views
}

/// Whether a token is good, as far as that can be said without asking the log.
async fn verified(api: &Caller, tokens: &Tokens) -> Reply {
    api.post("token/verify/", json!({"token": tokens.access()})).await
}

async fn is_silent(api: &Caller, tokens: &Tokens) {
    let reply = wait_for("the node says that it can't judge tokens", PATIENCE, async || {
        let reply = verified(api, tokens).await;
        assert!(matches!(reply.status, 200 | 503), "{reply:?}");
        (reply.status == 503).then_some(reply)
    })
    .await;
    comes_back_later(&reply, 503);
}

/// Its readiness, and whether it says that it hears of revocations.
async fn readiness(api: &Caller) -> (u16, Value) {
    let reply = api.get("/health/ready").await;
    (reply.status, reply.json()["parts"]["revocations"]["ok"].clone())
}

async fn hears_again(user: &Caller, status: u16) {
    wait_for("the node judges tokens again", PATIENCE, async || {
        let reply = user.get("user/").await;
        assert!([503, status].contains(&reply.status), "{reply:?}");
        (reply.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_node_that_hears_nothing_judges_no_token_until_it_hears_again() {
    let server = Server::start(&[SILENCE]).await;
    let (api, account) = (server.api(), Account::named("bearer"));
    let tokens = account.register(&api).await;
    let user = tokens.on(&api);
    server.mails().await;
    for _ in 0..2 {
        user.get("user/").await.expect(200);
        let log = Wiped::database(&server, "log.db");
        verified(&api, &tokens).await.expect(200);
        is_silent(&api, &tokens).await;
        assert_eq!(readiness(&api).await, (503, json!(false)));
        comes_back_later(&user.patch("user/", json!({"first_name": "Ada"})).await, 503);
        log.put_back();
        hears_again(&user, 200).await;
        wait_for("all is well", PATIENCE, async || {
            (readiness(&api).await == (200, json!(true))).then_some(())
        })
        .await;
    }
    user.patch("user/", json!({"first_name": "Ada"})).await.expect(200);
    account.login(&api).await;
}

/// What another process decides while the node stands still must not be missed: no answer but "later" until it is known.
#[tokio::test]
async fn a_token_that_is_revoked_while_the_node_stands_still_opens_nothing_afterwards() {
    let mut server = Server::start(&[SILENCE]).await;
    let (api, account) = (server.api(), Account::named("bearer"));
    let user = account.register(&api).await.on(&api);
    server.mails().await;
    user.get("user/").await.expect(200);
    server.pause();
    // Done means that the node, should it go on, goes by nothing any more that it has heard before.
    server.run(&["user", "disable", "bearer"]).succeeded();
    server.resume();
    hears_again(&user, 401).await;
}
