//! A node that hears of no revocations for too long judges no token; it goes on by itself when it hears again.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::support::{Account, Caller, Server, Tokens, comes_back_later, wait_for};

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

async fn is_silent(user: &Caller) {
    let reply = wait_for("the node says that it can't judge tokens", PATIENCE, async || {
        let reply = user.get("user/").await;
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
    let user = account.register(&api).await.on(&api);
    server.mails().await;
    for _ in 0..2 {
        user.get("user/").await.expect(200);
        let views = hold_views(&server).await;
        is_silent(&user).await;
        assert_eq!(readiness(&api).await, (503, json!(false)));
        comes_back_later(&user.patch("user/", json!({"first_name": "Ada"})).await, 503);
        views.close().await.unwrap();
        hears_again(&user, 200).await;
        assert_eq!(readiness(&api).await, (200, json!(true)));
    }
    user.patch("user/", json!({"first_name": "Ada"})).await.expect(200);
    account.login(&api).await;
}

/// What another process decides while the node hears nothing must not be missed: no answer but "later" until it is known.
#[tokio::test]
async fn a_token_that_is_revoked_meanwhile_opens_nothing_afterwards() {
    let server = Server::start(&[SILENCE]).await;
    let (api, account) = (server.api(), Account::named("bearer"));
    let tokens: Tokens = account.register(&api).await;
    let user = tokens.on(&api);
    server.mails().await;
    let views = hold_views(&server).await;
    is_silent(&user).await;
    comes_back_later(&user.post("password/change/", json!({})).await, 503);
    api.post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
    views.close().await.unwrap();
    hears_again(&user, 401).await;
}
