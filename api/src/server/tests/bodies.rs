//! Bodies: whole, small, well formed, or refused in a way that the client gets to read.

use super::*;

#[tokio::test]
async fn a_body_of_exactly_the_limit_reaches_the_handler_whole() {
    let server = Running::with(routes(), ServerLimits { body_limit: 1000, ..generous() }).await;
    let mut client = server.client().await;
    client.send(format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{:1000}", "")).await;
    assert_eq!(client.answer().await.body, "1000");
    client.send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "5");
}

#[tokio::test]
async fn a_mebibyte_is_refused_and_a_client_that_sends_all_of_it_first_still_reads_why() {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    let length = 1024 * 1024;
    client.send(format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")).await;
    client.send(vec![b'a'; length]).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.detail().as_str()), (413, "The request body is too large."));
    assert!(answer.head.contains("connection: close"));
    client.closed().await;
}

#[tokio::test]
async fn a_chunked_body_is_refused_as_soon_as_it_exceeds_the_limit() {
    let server = Running::with(routes(), ServerLimits { body_limit: 1000, ..generous() }).await;
    let mut client = server.client().await;
    client.send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..11 {
        client.send(format!("64\r\n{:100}\r\n", "")).await;
    }
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.detail().as_str()), (413, "The request body is too large."));
    client.closed().await;
}

#[tokio::test]
async fn an_announced_excess_is_refused_before_any_of_it_is_invited() {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    let head = "POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
    client.send(format!("{head}1000000\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 413);
    let mut patient = server.client().await;
    patient.send(format!("{head}3\r\n\r\n")).await;
    assert_eq!(patient.answer().await.status, 100);
    patient.send("abc").await;
    assert_eq!(patient.answer().await.body, "3");
}

#[tokio::test]
async fn a_malformed_chunk_is_answered_400_and_the_connection_closed() {
    let server = Running::with(routes(), generous()).await;
    let mut client = server.client().await;
    client.send("POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.detail().as_str()), (400, "The request body could not be read."));
    client.closed().await;
}
