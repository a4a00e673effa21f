//! Operators at the command line beside a server that is busy itself: several processes write to one log.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Account, Caller, Home, PASSWORD, Server, is_long, together};

/// For each of two operators; a long run has ten times as many.
const USERS: usize = 5;
/// For each of four clients.
const CHANGES: usize = 20;

fn users() -> usize {
    if is_long() { USERS * 10 } else { USERS }
}

/// Creates users, shuts each out and lets him in again. A command that waited in vain for the databases (10 s) would fail.
async fn operate(home: Home, api: Caller, operator: usize) {
    let users = users();
    for index in 0..users {
        let account = Account::named(&format!("o{operator}n{index}"));
        let Account { username, email, .. } = &account;
        let create = ["user", "create", "--username", username, "--email", email, "--password-stdin"];
        run(&home, &create, PASSWORD);
        let user = account.login(&api).await.on(&api);
        user.get("user/").await.expect(200);
        run(&home, &["user", "disable", username], "");
        user.get("user/").await.expect(401);
        account.try_login(&api, PASSWORD).await.expect(400);
        run(&home, &["user", "enable", username], "");
        account.login(&api).await;
    }
}

/// A command takes its time: others of this runtime go on meanwhile.
fn run(home: &Home, arguments: &[&str], input: &str) {
    tokio::task::block_in_place(|| home.run(arguments, &format!("{input}\n")).succeeded());
}

async fn change(api: Caller, client: usize) {
    let user = Account::named(&format!("c{client}")).register(&api).await.on(&api);
    for index in 0..CHANGES {
        user.patch("user/", json!({"first_name": format!("F{index}")})).await.expect(200);
        user.patch("user/", json!({"username": format!("c{client}n{index}")})).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_beside_a_busy_server_write_to_one_log_without_loss() {
    let (users, server) = (users(), Server::start(&[]).await);
    let operators = together((0..2).map(|operator| operate(server.home().clone(), server.api(), operator)));
    let clients = together((0..4).map(|client| change(server.api(), client)));
    tokio::join!(operators, clients);
    server.has_mailed().await;
    let events = server.home().log().events().await;
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(count("user.registered.v1"), 2 * users + 4);
    assert_eq!((count("user.disabled.v1"), count("user.enabled.v1")), (2 * users, 2 * users));
    assert_eq!(count("user.profile-updated.v1"), 4 * 2 * CHANGES);
    let listed: Value = serde_json::from_str(&server.run(&["user", "list", "--json"]).succeeded()).unwrap();
    let names: BTreeSet<&str> =
        listed.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2 * users + 4, "{names:?}");
}
