//! Requests on whose bounds or addressee two servers could disagree (RFC 9112; ASVS 4.2.1).

use super::*;

/// What a fresh connection answers to `request` with a second request right behind it.
async fn first_answer(request: &str) -> (Client, Answer) {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    client.send(request).await;
    let answer = client.answer().await;
    (client, answer)
}

#[tokio::test]
async fn a_request_without_a_host_is_refused() {
    let (mut client, answer) = first_answer("GET /hello HTTP/1.1\r\n\r\n").await;
    assert_eq!((answer.status, answer.detail().as_str()), (400, "The Host header is missing."));
    client.closed().await;
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let (mut client, answer) = first_answer("GET /hello HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n").await;
    assert_eq!((answer.status, answer.detail().as_str()), (400, "There is more than one Host header."));
    client.closed().await;
}

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    for host in ["", "a b", "a/b", "u@a", "a, b"] {
        let (_, answer) = first_answer(&format!("GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(
            (answer.status, answer.detail().as_str()),
            (400, "The Host header is not valid."),
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_target_that_names_another_host_is_refused_and_one_that_names_the_same_is_served() {
    let (_, answer) = first_answer("GET http://y/hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let difference = "The Host header and the request target differ.";
    assert_eq!((answer.status, answer.detail().as_str()), (400, difference));
    let (_, answer) = first_answer("GET http://x:80/hello HTTP/1.1\r\nHost: X:80\r\n\r\n").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_oldest_http_needs_no_host() {
    let (mut client, answer) = first_answer("GET /hello HTTP/1.0\r\n\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    client.closed().await;
}

#[tokio::test]
async fn a_request_hidden_behind_two_lengths_is_never_served() {
    for lengths in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let hidden = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
        let (mut client, answer) =
            first_answer(&format!("POST /length HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n0\r\n\r\n{hidden}"))
                .await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "0"), "chunks win");
        client.closed().await;
    }
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    for line in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: 1, 2",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Content-Length : 1",
        "Content-Length: 0\r\n folded: 1",
    ] {
        let (mut client, answer) =
            first_answer(&format!("POST /length HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\na")).await;
        assert_eq!(answer.status, 400, "{line}");
        client.closed().await;
    }
}

#[tokio::test]
async fn a_header_without_end_is_refused_at_a_bound() {
    let (_, answer) = first_answer(&format!("GET /hello HTTP/1.1\r\nHost: x\r\nX: {:60000}", "")).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_their_order() {
    let (mut client, first) = first_answer(
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
         GET /hello HTTP/1.1\r\nHost: x\r\n\r\n\
         HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(first.body, "3");
    assert_eq!(client.answer().await.body, "hello");
    while client.more().await > 0 {}
    let last = client.seen().to_lowercase();
    assert!(last.starts_with("http/1.1 200") && last.contains("content-length: 5"), "{last}");
    assert!(last.ends_with("\r\n\r\n"), "an answer to HEAD has no body");
}
