//! `stele keys …`: a new key signs from now on, and no token dies of it.

use std::time::Duration;

use super::objects;
use crate::support::{Account, Caller, Server, header, wait_for};

const SOON: Duration = Duration::from_secs(20);

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().expect("a kid").to_owned()
}

async fn published(api: &Caller) -> Vec<String> {
    let jwks = api.get("/.well-known/jwks.json").await.expect(200).json();
    let keys = jwks["keys"].as_array().unwrap().clone();
    for key in &keys {
        assert!(key.get("d").is_none(), "a private key is published: {key}");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rotated_key_signs_soon_and_tokens_of_the_old_one_stay_good() {
    let server = Server::start(&[]).await;
    let (api, account) = (server.api(), Account::named("holder"));
    let old = account.register(&api).await;
    assert_eq!(published(&api).await, [kid(old.access())]);
    server.run(&["keys", "rotate"]).succeeded();
    wait_for("both keys are published", SOON, async || (published(&api).await.len() == 2).then_some(()))
        .await;
    old.on(&api).get("user/").await.expect(200);
    let new = wait_for("the new key signs", Duration::from_mins(1), async || {
        let tokens = account.login(&api).await;
        (kid(tokens.access()) != kid(old.access())).then_some(tokens)
    })
    .await;
    assert!(published(&api).await.contains(&kid(new.access())));
    old.on(&api).get("user/").await.expect(200);
    new.on(&api).get("user/").await.expect(200);
    let next = old.refreshed(&api).await;
    next.on(&api).get("user/").await.expect(200);
}

#[tokio::test]
async fn keys_are_listed_without_what_is_secret_in_them() {
    let server = Server::start(&[]).await;
    let before = objects(server.run(&["keys", "list", "--json"]));
    assert_eq!(before.len(), 1, "{before:#?}");
    let rotated = objects(server.run(&["keys", "rotate", "--json"]));
    assert!(!rotated.is_empty());
    let after = objects(server.run(&["keys", "list", "--json"]));
    assert_eq!(after.len(), 2, "{after:#?}");
    let kid = published(&server.api()).await.remove(0);
    let (text, table) = (format!("{after:?}"), server.run(&["keys", "list"]).succeeded());
    assert!(text.contains(&kid) && table.contains(&kid), "{kid}: {text} {table}");
}
