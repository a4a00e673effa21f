//! One refresh token used many times at once, and a logout while it is being used.

use std::collections::BTreeSet;

use serde_json::json;

use super::are_dead;
use crate::support::{Account, Caller, Reply, Server, Tokens, is_long, together};

const RACERS: usize = 50;
const ROUNDS: usize = 30;

async fn refresh_all(api: &Caller, refresh: &str, times: usize) -> Vec<Reply> {
    let tries = (0..times).map(|_| {
        let (api, body) = (api.clone(), json!({"refresh": refresh}));
        async move { api.post("token/refresh/", body).await }
    });
    together(tries).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_refreshes_within_the_grace_get_the_same_child() {
    let server = Server::start(&[("STELE_JWT__REFRESH_GRACE", "60s")]).await;
    let api = server.api();
    let pair = Account::named("patient").register(&api).await;
    let replies = refresh_all(&api, pair.refresh(), RACERS).await;
    let children: BTreeSet<String> =
        replies.into_iter().map(|reply| reply.expect(200).at("/refresh")).collect();
    assert_eq!(children.len(), 1, "{children:#?}");
    let child = children.first().unwrap();
    assert_ne!(child, pair.refresh());
    api.post("token/refresh/", json!({"refresh": child})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_grace_one_refresh_wins_and_the_reuse_ends_the_session() {
    let server = Server::start(&[("STELE_JWT__REFRESH_GRACE", "0s")]).await;
    let api = server.api();
    for round in 0..5 {
        let pair = Account::named(&format!("strict{round}")).register(&api).await;
        let replies = refresh_all(&api, pair.refresh(), RACERS).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(won.len(), 1, "{won:#?}");
        assert!(lost.iter().all(|reply| reply.status == 401), "{lost:#?}");
        are_dead(&api, &[pair, Tokens::of(&won[0])]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_ends_what_is_being_refreshed() {
    let server = Server::start(&[]).await;
    let (api, account) = (server.api(), Account::named("leaver"));
    account.register(&api).await;
    for _ in 0..if is_long() { ROUNDS * 10 } else { ROUNDS } {
        let pair = account.login(&api).await;
        let user = pair.on(&api);
        let leaving = user.post("logout/", json!({"refresh": pair.refresh()}));
        let (left, refreshed) = tokio::join!(leaving, refresh_all(&api, pair.refresh(), 10));
        left.expect(200);
        let children = refreshed.iter().filter(|reply| reply.status == 200).map(Tokens::of);
        let sessions: Vec<Tokens> = children.chain([pair]).collect();
        are_dead(&api, &sessions).await;
    }
}
