//! Clients that take their time, and handlers that do.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::AsyncWriteExt;
use tokio::time::interval;

use super::*;

const SHORT: Duration = Duration::from_millis(150);

/// Sends one byte every 20 ms until the server has closed; fails if it never does.
async fn drip(client: &mut Client) {
    let mut tick = interval(Duration::from_millis(20));
    let mut byte = [0];
    let closing = async {
        loop {
            tokio::select! {
                read = client.stream.read(&mut byte) => break read,
                _ = tick.tick() => {}
            }
            if client.stream.write_all(b"a").await.is_err() {
                break Ok(0);
            }
        }
    };
    assert_eq!(soon(closing).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_its_header_is_cut_off() {
    let server = Running::with(routes(), ServerLimits { header_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    client.send("GET /hello HTTP/1.1\r\nHost:").await;
    client.closed().await;
}

#[tokio::test]
async fn a_header_that_drips_byte_by_byte_gains_no_time() {
    let server = Running::with(routes(), ServerLimits { header_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    client.send("GET /hello HTTP/1.1\r\nX-Endless: ").await;
    drip(&mut client).await;
}

#[tokio::test]
async fn a_new_connection_that_says_nothing_is_closed_after_the_header_time() {
    let server = Running::with(routes(), ServerLimits { header_timeout: SHORT, ..generous() }).await;
    server.client().await.closed().await;
}

#[tokio::test]
async fn a_connection_at_rest_keeps_its_idle_time_and_then_is_closed() {
    let idle = SHORT * 3;
    let limits = ServerLimits { header_timeout: SHORT, idle_timeout: idle, ..generous() };
    let server = Running::with(routes(), limits).await;
    let mut client = server.client().await;
    let rested = Instant::now();
    assert_eq!(client.get("/hello").await.status, 200);
    client.closed().await;
    assert!(rested.elapsed() > SHORT * 2, "closed after {:?}", rested.elapsed());
}

#[tokio::test]
async fn the_second_header_of_a_connection_has_the_header_time_and_not_the_idle_time() {
    let server = Running::with(routes(), ServerLimits { header_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/hello").await.status, 200);
    client.send("GET /hello HTTP/1.1\r\n").await;
    client.closed().await;
}

#[tokio::test]
async fn half_a_body_is_answered_408_and_the_connection_closed() {
    let server = Running::with(routes(), ServerLimits { body_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    client.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf.").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.detail().as_str()), (408, "The request body took too long."));
    assert!(answer.head.contains("connection: close"));
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_drips_byte_by_byte_gains_no_time() {
    let server = Running::with(routes(), ServerLimits { body_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    client.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n").await;
    let (mut reading, mut writing) = client.stream.into_split();
    let dripping = tokio::spawn(async move {
        let mut tick = interval(Duration::from_millis(20));
        while writing.write_all(b"a").await.is_ok() {
            tick.tick().await;
        }
    });
    let mut heard = Vec::new();
    // The reset of a client that keeps on sending may end the reading; the answer came before.
    _ = soon(reading.read_to_end(&mut heard)).await;
    assert!(heard.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&heard));
    soon(dripping).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_given_up_with_a_word_on_when_to_come_back() {
    let server = Running::with(routes(), ServerLimits { request_timeout: SHORT, ..generous() }).await;
    let mut client = server.client().await;
    let answer = client.get("/forever").await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 1"));
    assert_eq!(answer.detail(), "The request took too long. Try again soon.");
    assert_eq!(client.get("/hello").await.status, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_loses_its_connection() {
    let routes =
        routes().merge(Router::new().route("/large", get(|| async { vec![0_u8; 64 * 1024 * 1024] })));
    let limits = ServerLimits { body_timeout: SHORT, max_connections: 1, ..generous() };
    let server = Running::with(routes, limits).await;
    let mut deaf = server.client().await;
    deaf.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // The one connection there may be is free again only when the server gave the first up.
    soon(async { while server.client().await.get("/hello").await.status != 200 {} }).await;
    drop(deaf);
}

#[tokio::test]
async fn slow_clients_do_not_slow_the_others() {
    // All come from one address, which gets half.
    let limits = ServerLimits { max_connections: 1200, ..generous() };
    let server = Running::with(routes(), limits).await;
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut client = server.client().await;
        client.send("GET /hello HTTP/1.1\r\nHo").await;
        slow.push(client);
    }
    let mut client = server.client().await;
    // Long before the slow ones are given up.
    soon(async { assert_eq!(client.get("/hello").await.status, 200) }).await;
}
