//! What a client hears when every connection is taken.
//! Must not know HTTP beyond the one fixed answer: nothing of the request is parsed.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::linger;

/// Refusals under way at once. A flood beyond that is dropped without an answer: refusing must stay cheaper
/// than serving.
pub(super) const AT_ONCE: usize = 64;

/// How long the request may take to show up. Some clients read an answer that precedes their request as a fault.
const FIRST_BYTES: Duration = Duration::from_millis(250);

const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\n\
    cache-control: no-store\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 49\r\n\
    \r\n\
    {\"detail\": \"The server is busy. Try again soon.\"}";

/// Answers 503 and closes, whatever was asked.
pub(super) async fn turn_away(mut stream: TcpStream) {
    let mut ignored = [0; 1024];
    // No byte in time, a closed socket and a request all get the same answer.
    _ = timeout(FIRST_BYTES, stream.read(&mut ignored)).await;
    if let Ok(Ok(())) = timeout(FIRST_BYTES, stream.write_all(ANSWER)).await {
        linger(stream).await;
    }
}

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_fixed_answer_states_its_own_length() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["detail"].is_string());
    }
}
