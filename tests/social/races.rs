//! One account at a provider, many first logins at once.

use std::collections::BTreeSet;

use super::{Kind, Person, Stage};
use crate::support::together;

const RACERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_first_logins_of_one_account_make_one_user() {
    let (stage, ada) = (Stage::of(Kind::Oidc).await, Person::named("ada"));
    let body = stage.brought_by(&ada);
    // Later ones find what the first has learned about the provider.
    stage.login(&Person::named("bob")).await;
    let tries = (0..RACERS).map(|_| {
        let (api, path, body) = (stage.api(), stage.path(), body.clone());
        async move {
            loop {
                let reply = api.post(&path, body.clone()).await;
                // Too many at once for one provider is told so, and they come back.
                if reply.status != 503 {
                    return reply;
                }
            }
        }
    });
    let replies = together(tries).await;
    let users: BTreeSet<String> =
        replies.iter().map(|reply| reply.json()["user"]["pk"].to_string()).collect();
    assert_eq!(users.len(), 1, "{replies:#?}");
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:#?}");
    let events = stage.server.home().log().events().await;
    let born = events.iter().filter(|event| event.kind == "user.registered.v1").count();
    assert_eq!(born, 2, "ada and bob");
}
