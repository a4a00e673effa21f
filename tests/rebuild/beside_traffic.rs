//! Rebuilds one after the other while clients register, refresh, read and change: every answer is as ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{assert_same, report};
use crate::support::{Account, Caller, SESSIONS, Server, run_to_end};

const REBUILDS: usize = 4;
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_a_rebuild_and_nothing_is_lost_by_it() {
    let server = Server::start(&[("STELE_HASH__THREADS", "2")]).await;
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| tokio::spawn(live(server.api(), number, Arc::clone(&over)))).collect();
    let (mut rebuilds, home) = (Vec::new(), server.home());
    for _ in 0..REBUILDS {
        let command = home.command(&["rebuild", "--json"]);
        let ran = tokio::task::spawn_blocking(move || run_to_end(command, "")).await;
        rebuilds.push(report(ran.unwrap()));
    }
    over.store(true, Ordering::Relaxed);
    let mut answers = 0;
    for client in clients {
        answers += client.await.unwrap();
    }
    assert!(answers > REBUILDS * CLIENTS, "there was traffic: {answers} answers");
    for model in rebuilds.iter().flat_map(|report| report["models"].as_array().unwrap()) {
        // The live one may not have come as far yet, and is not compared then.
        let live = &model["live_checksum"];
        assert!(live.is_null() || *live == model["checksum"], "{model}");
    }
    assert_same(&report(server.run(&["rebuild", "--check", "--json"])));
}

/// One client's life, every answer of which must be good; says how many there were.
async fn live(api: Caller, number: usize, over: Arc<AtomicBool>) -> usize {
    let mut answers = 0;
    for round in 0.. {
        let account = Account::named(&format!("client-{number}-{round}"));
        let tokens = account.register(&api).await;
        let caller = tokens.on(&api);
        caller.get("user/").await.expect(200);
        caller.patch("user/", json!({"first_name": format!("{round}")})).await.expect(200);
        assert_eq!(caller.get("user/").await.expect(200).at("/first_name"), format!("{round}"));
        let refreshed = tokens.refreshed(&api).await;
        refreshed.on(&api).get(SESSIONS).await.expect(200);
        api.post("token/verify/", json!({"token": refreshed.access()})).await.expect(200);
        answers += 7;
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    answers
}
