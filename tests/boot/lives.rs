//! A server's life: the first start with nothing given, a stop that lets everyone finish, and a death that loses nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{
    Account, Caller, Home, NEW_PASSWORD, PASSWORD, SESSIONS, Server, Wire, alter_views, wait_for,
};

const SOON: Duration = Duration::from_secs(20);

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn is_private(path: &Path) {
    assert_eq!(mode(path) & 0o077, 0, "{}: {:o}", path.display(), mode(path));
    if path.is_dir() {
        for name in names(path) {
            is_private(&path.join(name));
        }
    }
}

#[tokio::test]
async fn with_nothing_given_it_serves_and_writes_nothing_outside_of_data() {
    let mut home = Home::bare(&[]);
    let folder = home.path();
    for (name, variable) in [("home", "HOME"), ("tmp", "TMPDIR")] {
        fs::create_dir(folder.join(name)).unwrap();
        home.set(variable, folder.join(name).to_str().unwrap());
    }
    let mut server = Server::at(home).await;
    let api = server.api();
    let account = Account::named("first");
    let tokens = account.register(&api).await;
    tokens.on(&api).get("user/").await.expect(200);
    server.mails().await;
    server.restart().await;
    account.login(&server.api()).await;
    assert_eq!(names(&folder), ["data", "home", "tmp"].map(str::to_owned).into());
    assert!(names(&folder.join("home")).is_empty() && names(&folder.join("tmp")).is_empty());
    is_private(&folder.join("data"));
    server.stop();
    is_private(&folder.join("data"));
}

#[tokio::test]
async fn the_banner_says_what_to_do_next() {
    let server = Server::at(Home::bare(&[])).await;
    let shown = server.lines().join("\n");
    for word in [server.address(), "curl", "data/mail", "master.key", "back"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
}

#[tokio::test]
async fn where_it_listens_it_is_ready_and_says_how_its_parts_are() {
    let server = Server::start(&[]).await;
    let api = server.api();
    api.get("/health/live").await.expect(200);
    let health = api.get("/health/ready").await.expect(200).json();
    let parts = health["parts"].as_object().expect("parts by name");
    for part in ["log", "views", "vault", "mailer"] {
        assert_eq!(parts[part]["ok"], json!(true), "{health}");
        assert!(parts[part]["lag"].is_u64() && parts[part]["detail"].is_string(), "{health}");
    }
    assert!(health["status"].is_string(), "{health}");
}

#[tokio::test]
async fn a_stop_lets_a_request_under_way_finish() {
    let mut server = Server::start(&[]).await;
    let account = Account::named("slow");
    account.register(&server.api()).await;
    let body = json!({"username": account.username, "password": account.password}).to_string();
    let mut wire = Wire::connect(server.address()).await;
    let head = format!(
        "POST /dj-rest-auth/login/ HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    wire.send(head.as_bytes()).await;
    wire.read_until("100 Continue", SOON).await;
    server.terminate();
    wait_for("no new connection is taken", SOON, async || {
        TcpStream::connect(server.address()).await.is_err().then_some(())
    })
    .await;
    assert_eq!(server.exit_code_within(Duration::ZERO), None, "it waits for the request");
    wire.send(body.as_bytes()).await;
    let answer = wire.rest(SOON).await;
    assert!(answer.contains("HTTP/1.1 200") && answer.contains("\"access\""), "{answer}");
    assert_eq!(server.exit_code_within(SOON), Some(0));
    server.restart().await;
    account.login(&server.api()).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections() {
    let mut server = Server::start(&[]).await;
    let mut idle = Wire::connect(server.address()).await;
    idle.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.read_until("200 OK", SOON).await;
    let silent = Wire::connect(server.address()).await;
    server.terminate();
    assert_eq!(server.exit_code_within(SOON), Some(0));
    idle.rest(SOON).await;
    silent.rest(SOON).await;
}

#[tokio::test]
async fn an_interrupt_stops_it_as_well() {
    let mut server = Server::start(&[]).await;
    Account::named("hasty").register(&server.api()).await;
    server.interrupt();
    assert_eq!(server.exit_code_within(SOON), Some(0));
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_it_from_stopping() {
    let mut server = Server::start(&[("STELE_API__DRAIN_TIMEOUT", "1s")]).await;
    let mut wire = Wire::connect(server.address()).await;
    wire.send(
        b"POST /dj-rest-auth/login/ HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\nexpect: 100-continue\r\n\r\n",
    )
    .await;
    wire.read_until("100 Continue", SOON).await;
    server.terminate();
    assert!(server.exit_code_within(SOON).is_some());
}

#[tokio::test]
async fn sessions_links_and_revocations_outlive_a_restart() {
    let mut server = Server::start(&[]).await;
    let account = Account::named("stayer");
    let (kept, ended) = {
        let api = server.api();
        let kept = account.register(&api).await;
        let ended = account.login(&api).await;
        let leave = json!({"refresh": ended.refresh()});
        ended.on(&api).post("logout/", leave).await.expect(200);
        (kept, ended)
    };
    let key = server.verify_key(&account.email).await;
    server.restart().await;
    let api = server.api();
    kept.on(&api).get("user/").await.expect(200);
    ended.on(&api).get("user/").await.expect(401);
    ended.try_refresh(&api).await.expect(401);
    let next = kept.refreshed(&api).await;
    next.on(&api).get("user/").await.expect(200);
    api.post("registration/verify-email/", json!({"key": key})).await.expect(200);
}

#[tokio::test]
async fn a_key_whose_end_no_memory_and_no_read_model_tells_of_stays_dead() {
    let mut server = Server::start(&[("STELE_AUTH__TOKENS", "key")]).await;
    let account = Account::named("leaver");
    let ended = account.register(&server.api()).await;
    ended.on(&server.api()).post("logout/", json!({})).await.expect(200);
    let kept = account.login(&server.api()).await;
    kept.on(&server.api()).insist(SESSIONS).await.expect(200);
    server.stop();
    // As if it were long ago: what a node loads at its start goes back only so far.
    alter_views(server.home(), "update sessions set revoked_at = 0 where revoked_at is not null").await;
    server.restart().await;
    ended.on(&server.api()).get("user/").await.expect(401);
    kept.on(&server.api()).get("user/").await.expect(200);
}

/// Registers one user after the other until the server is gone; answers those it was told are registered.
async fn register_on(api: Caller, line: usize, enough: Arc<AtomicBool>) -> Vec<Account> {
    let mut registered = Vec::new();
    for index in 0.. {
        let account = Account::named(&format!("u{line}n{index}"));
        let request = api.request("POST", "registration/").json(&account.registration());
        match request.send().await {
            Ok(response) if response.status() == 201 => registered.push(account),
            Ok(response) => panic!("{response:?}"),
            Err(_) => break,
        }
        if registered.len() >= 3 {
            enough.store(true, Ordering::Relaxed);
        }
    }
    registered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut server = Server::start(&[]).await;
    let survivor = Account::named("survivor");
    let tokens = survivor.register(&server.api()).await;
    for round in 0..3 {
        let enough = Arc::new(AtomicBool::new(false));
        let lines: Vec<_> = (0..4)
            .map(|line| tokio::spawn(register_on(server.api(), round * 10 + line, Arc::clone(&enough))))
            .collect();
        wait_for("some users are registered", SOON, async || enough.load(Ordering::Relaxed).then_some(()))
            .await;
        server.kill9();
        let mut registered = Vec::new();
        for line in lines {
            registered.extend(line.await.unwrap());
        }
        server.restart().await;
        let mails = server.mails().await;
        for account in &registered {
            account.login(&server.api()).await;
            assert!(mails.iter().any(|mail| mail.is_to(&account.email)), "no mail to {account:?}");
        }
        tokens.on(&server.api()).get("user/").await.expect(200);
    }
}

#[tokio::test]
async fn a_changed_password_survives_a_kill() {
    let mut server = Server::start(&[]).await;
    let mut account = Account::named("changer");
    let api = server.api();
    let (own, other) = (account.register(&api).await, account.login(&api).await);
    let body = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    own.on(&api).post("password/change/", body).await.expect(200);
    server.kill9();
    server.restart().await;
    let api = server.api();
    other.on(&api).get("user/").await.expect(401);
    own.on(&api).get("user/").await.expect(200);
    account.try_login(&api, PASSWORD).await.expect(400);
    NEW_PASSWORD.clone_into(&mut account.password);
    account.login(&api).await;
}
