//! How many connections one address may hold open, and what happens where the operating system allows fewer than the settings.

use std::time::Duration;

use super::PROXY;
use crate::support::{Account, Home, Server, Wire};

const SOON: Duration = Duration::from_secs(20);

/// The status of an answer on a new connection from this address, and the connection.
async fn asks(server: &Server, source: &str) -> (Wire, String) {
    let mut wire = Wire::connect_from(source, server.address()).await;
    wire.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = wire.read_until("\r\n\r\n", SOON).await;
    (wire, answer.split(' ').nth(1).unwrap().to_owned())
}

/// So many connections from this address, each of which was served.
async fn takes(server: &Server, source: &str, seats: usize) -> Vec<Wire> {
    let mut taken = Vec::new();
    for _ in 0..seats {
        let (wire, status) = asks(server, source).await;
        assert_eq!(status, "200", "after {} connections from {source}", taken.len());
        taken.push(wire);
    }
    taken
}

#[tokio::test]
async fn one_address_holds_half_of_the_connections_and_everybody_else_is_served() {
    let server = Server::start(&[("STELE_API__MAX_CONNECTIONS", "8")]).await;
    let _greedy = takes(&server, "127.0.0.2", 4).await;
    for _ in 0..3 {
        assert_eq!(asks(&server, "127.0.0.2").await.1, "503");
    }
    Account::named("other").register(&server.api()).await;
    takes(&server, "127.0.0.3", 3).await;
    let told = "api.trusted_proxies";
    server.says(told).await;
    assert_eq!(server.said(told), 1, "{:#?}", server.lines());
}

#[tokio::test]
async fn a_trusted_proxy_holds_as_many_as_there_are() {
    let server = Server::start(&[("STELE_API__MAX_CONNECTIONS", "8"), PROXY]).await;
    let _all = takes(&server, "127.0.0.1", 8).await;
    assert_eq!(asks(&server, "127.0.0.1").await.1, "503");
    assert_eq!(asks(&server, "127.0.0.2").await.1, "503");
}

/// A server that may have so many files open, of which it is given `soft` at first.
async fn with_files(soft: u32, hard: u32) -> Server {
    let mut home = Home::new(&[]);
    let limited = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$@\"");
    home.launch_by(&["/bin/sh", "-c", &limited, "sh"]);
    Server::at(home).await
}

#[tokio::test]
async fn a_low_limit_on_open_files_is_raised_as_far_as_it_goes() {
    let server = with_files(256, 2048).await;
    let _many = takes(&server, "127.0.0.2", 300).await;
    let account = Account::named("late");
    account.register(&server.api()).await;
    assert!(server.mails().await.iter().any(|mail| mail.is_to(&account.email)));
    assert_eq!(server.said("ulimit"), 0, "{:#?}", server.lines());
}

#[tokio::test]
async fn where_files_run_short_there_are_fewer_connections_and_one_too_many_is_told_so() {
    let server = with_files(256, 256).await;
    server.says("ulimit").await;
    assert_eq!(server.said("ulimit"), 1, "{:#?}", server.lines());
    let mut held = Vec::new();
    for source in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        let mut status = "200".to_owned();
        while status == "200" {
            let (wire, heard) = asks(&server, source).await;
            held.push(wire);
            status = heard;
        }
        assert_eq!(status, "503");
        if source == "127.0.0.2" {
            let account = Account::named("between");
            account.register(&server.api()).await;
            assert!(server.mails().await.iter().any(|mail| mail.is_to(&account.email)));
        }
    }
    assert!(held.len() > 32, "{}", held.len());
}
