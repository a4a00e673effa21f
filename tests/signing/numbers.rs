//! `auth.pk`: what numbers users get.

use crate::support::{Account, Caller, Server};

async fn pk(api: &Caller, name: &str) -> i64 {
    let user = Account::named(name).register(api).await.on(api);
    user.get("user/").await.expect(200).json()["pk"].as_i64().expect("a number")
}

#[tokio::test]
async fn in_sequence_users_are_numbered_from_1_without_a_gap_over_restarts_and_refusals() {
    let mut server = Server::start(&[("STELE_AUTH__PK", "sequence")]).await;
    let api = server.api();
    assert_eq!([pk(&api, "ann").await, pk(&api, "bob").await], [1, 2]);
    api.post("registration/", Account::named("ann").registration()).await.expect(400);
    assert_eq!(pk(&api, "cid").await, 3);
    server.restart().await;
    assert_eq!(pk(&server.api(), "dan").await, 4);
    assert_eq!(server.run(&["user", "show", "3", "--json"]).succeeded().matches("cid@").count(), 1);
}

#[tokio::test]
async fn by_time_users_are_numbered_upwards_in_what_a_browser_can_count() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let numbers = [pk(&api, "ann").await, pk(&api, "bob").await, pk(&api, "cid").await];
    assert!(numbers.iter().all(|number| (1 << 32..1 << 53).contains(number)), "{numbers:?}");
    let mut distinct = numbers.to_vec();
    distinct.dedup();
    assert_eq!(distinct.len(), 3, "{numbers:?}");
}

#[tokio::test]
async fn a_change_to_sequence_leaves_the_numbers_that_were_given() {
    let mut server = Server::start(&[]).await;
    let early = Account::named("early");
    let before = pk(&server.api(), "early").await;
    server.home_mut().set("STELE_AUTH__PK", "sequence");
    server.restart().await;
    let api = server.api();
    assert_eq!(pk(&api, "late").await, 1);
    let user = early.login(&api).await.on(&api);
    assert_eq!(user.get("user/").await.expect(200).json()["pk"], before);
}
