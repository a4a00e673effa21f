//! Followers that can't go on, because someone else holds the database of their places: who says so, and that a stop does not
//! wait for them.

use std::time::Duration;

use serde_json::Value;
use sqlx::Connection;

use super::silence::hold_views;
use crate::support::{Account, Server, wait_for};

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_doctor_finds_followers_that_let_events_wait() {
    let server = Server::start(&[]).await;
    let views = hold_views(&server).await;
    Account::named("late").register(&server.api()).await;
    let report = wait_for("the doctor says that a follower is stuck", SOON, async || {
        let ran = server.run(&["doctor", "--json"]);
        (ran.code == Some(1)).then(|| serde_json::from_str::<Value>(&ran.stdout).unwrap())
    })
    .await;
    let stuck = |part: &Value| part["detail"].as_str().unwrap().contains("stuck");
    let parts = report["parts"].as_object().unwrap();
    assert!(parts.values().any(|part| part["ok"] == false && stuck(part)), "{report}");
    views.close().await.unwrap();
    server.mails().await;
    wait_for("the doctor finds all well", SOON, async || {
        (server.run(&["doctor"]).code == Some(0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_followers_for_ever() {
    let mut server = Server::start(&[("STELE_API__DRAIN_TIMEOUT", "1s")]).await;
    let account = Account::named("late");
    let views = hold_views(&server).await;
    account.register(&server.api()).await;
    server.terminate();
    assert_eq!(server.exit_code_within(SOON), Some(0));
    server.says("followers did not end in time").await;
    views.close().await.unwrap();
    server.restart().await;
    account.login(&server.api()).await;
    assert!(server.mails().await.iter().any(|mail| mail.is_to(&account.email)));
}
