//! The server's own life: its bounds, its handlers' faults, its end.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::Semaphore;

use super::super::of_one_client;
use super::*;

/// A route that says when it was entered and answers when it is let go.
fn gated() -> (Router, Arc<Semaphore>, Arc<Semaphore>) {
    let (entered, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (entry, gate) = (Arc::clone(&entered), Arc::clone(&go));
    let handler = move || async move {
        entry.add_permits(1);
        gate.acquire().await.unwrap().forget();
        "done"
    };
    (routes().route("/gated", get(handler)), entered, go)
}

async fn entered(entered: &Semaphore) {
    soon(entered.acquire()).await.unwrap().forget();
}

#[tokio::test]
async fn a_handler_sees_the_address_of_its_peer() {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    let own = client.stream.local_addr().unwrap().to_string();
    assert_eq!(client.get("/peer").await.body, own);
}

#[tokio::test]
async fn a_panic_is_one_answer_and_the_connection_lives_on() {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    let answer = client.get("/panic").await;
    assert_eq!((answer.status, answer.detail().as_str()), (500, "Something went wrong on the server."));
    assert!(!answer.body.contains("on purpose"));
    assert_eq!(client.get("/hello").await.status, 200);
    assert_eq!(server.client().await.get("/hello").await.status, 200);
}

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_back_and_served_once_there_is_room() {
    let server = Running::with(routes(), ServerLimits { max_connections: 1, ..generous() }).await;
    let mut first = server.client().await;
    assert_eq!(first.get("/hello").await.status, 200);
    let mut second = server.client().await;
    let answer = second.get("/hello").await;
    assert_eq!((answer.status, answer.detail().as_str()), (503, "The server is busy. Try again soon."));
    assert!(answer.head.contains("retry-after: 1"));
    second.closed().await;
    assert_eq!(first.get("/hello").await.status, 200, "who has a seat keeps it");
    drop(first);
    soon(async { while server.client().await.get("/hello").await.status != 200 {} }).await;
}

#[tokio::test]
async fn an_address_that_has_its_share_is_told_to_come_back_and_others_are_served() {
    let server = Running::with(routes(), ServerLimits { max_connections: 4, ..generous() }).await;
    let mut greedy = [server.client().await, server.client().await];
    for client in &mut greedy {
        assert_eq!(client.get("/hello").await.status, 200);
    }
    let mut more = server.client().await;
    let answer = more.get("/hello").await;
    assert_eq!((answer.status, answer.detail().as_str()), (503, "The server is busy. Try again soon."));
    more.closed().await;
    assert_eq!(server.client_at("127.0.0.2").await.get("/hello").await.status, 200);
    drop(greedy);
    soon(async { while server.client().await.get("/hello").await.status != 200 {} }).await;
}

#[tokio::test]
async fn a_flood_beyond_the_bound_is_dropped_and_leaves_the_served_alone() {
    let server = Running::with(routes(), ServerLimits { max_connections: 1, ..generous() }).await;
    let mut first = server.client().await;
    assert_eq!(first.get("/hello").await.status, 200);
    let mut flood = Vec::new();
    for _ in 0..300 {
        flood.push(server.client().await);
    }
    assert_eq!(first.get("/hello").await.status, 200);
    for client in &mut flood {
        let mut heard = Vec::new();
        _ = soon(client.stream.read_to_end(&mut heard)).await;
        assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 503 "));
    }
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_end_and_then_ends() {
    let (routes, inside, go) = gated();
    let server = Running::with(routes, generous()).await;
    let (mut working, mut resting, mut fresh) =
        (server.client().await, server.client().await, server.client().await);
    assert_eq!(resting.get("/hello").await.status, 200);
    working.send("GET /gated HTTP/1.1\r\nHost: x\r\n\r\n").await;
    entered(&inside).await;

    server.stop.send(()).unwrap();
    resting.closed().await;
    fresh.closed().await;
    soon(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    assert!(!server.served.is_finished(), "one request is still under way");
    go.add_permits(1);

    let answer = working.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert!(answer.head.contains("connection: close"));
    working.closed().await;
    drop((working, resting, fresh));
    soon(server.served).await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_the_drain_time() {
    let (routes, inside, _go) = gated();
    let server =
        Running::with(routes, ServerLimits { drain: Duration::from_millis(100), ..generous() }).await;
    let mut client = server.client().await;
    client.send("GET /gated HTTP/1.1\r\nHost: x\r\n\r\n").await;
    entered(&inside).await;
    server.stop.send(()).unwrap();
    soon(server.served).await.unwrap();
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_seat_back_while_its_request_is_under_way() {
    let (routes, inside, _go) = gated();
    let server = Running::with(routes, ServerLimits { max_connections: 1, ..generous() }).await;
    let mut client = server.client().await;
    client.send("GET /gated HTTP/1.1\r\nHost: x\r\n\r\n").await;
    entered(&inside).await;
    drop(client);
    soon(async { while server.client().await.get("/hello").await.status != 200 {} }).await;
}

#[test]
fn only_the_fault_of_one_client_is_passed_over_without_a_pause() {
    assert!(of_one_client(ErrorKind::ConnectionAborted));
    let no_descriptor_left = std::io::Error::from_raw_os_error(24);
    assert!(!of_one_client(no_descriptor_left.kind()));
}
