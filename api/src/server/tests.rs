//! The server over real sockets: one bound port and raw bytes for each test.
//! Here is the harness; the sentences are in the modules.

mod bodies;
mod framing;
mod lives;
mod slow;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::{ServiceExt, service_fn};

use super::{PeerAddress, ServerLimits, guarded, serve};

/// Long enough for a loaded machine; a test that reaches it has failed.
const DEADLINE: Duration = Duration::from_secs(10);

/// Limits that no test reaches unless it lowers them.
fn generous() -> ServerLimits {
    ServerLimits {
        max_connections: 64,
        proxies: Vec::new(),
        header_timeout: DEADLINE * 3,
        body_timeout: DEADLINE * 3,
        request_timeout: DEADLINE * 3,
        idle_timeout: DEADLINE * 3,
        body_limit: 64 * 1024,
        drain: DEADLINE * 3,
    }
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

fn routes() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/peer", get(|Extension(PeerAddress(peer))| async move { SocketAddr::to_string(&peer) }))
        .route("/panic", get(panics))
        .route("/forever", get(std::future::pending::<()>))
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("it should have happened by now")
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    async fn with(routes: Router, limits: ServerLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let held = limits.clone();
        let guarded = service_fn(move |request| {
            let (routes, limits) = (routes.clone(), held.clone());
            async move { guarded(&limits, request, |request| routes.oneshot(request)).await }
        });
        let served = tokio::spawn(serve(listener, guarded, limits, async {
            // A test that drops its server wants it to stop as well.
            _ = stopped.await;
        }));
        Self { address, stop, served }
    }

    async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), unread: Vec::new() }
    }

    /// A client at another address of this machine.
    async fn client_at(&self, address: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        Client { stream: socket.connect(self.address).await.unwrap(), unread: Vec::new() }
    }
}

struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn detail(&self) -> String {
        assert!(self.head.contains("content-type: application/json"), "{}", self.head);
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl Client {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        soon(self.stream.write_all(text.as_ref())).await.unwrap();
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        self.answer().await
    }

    /// The next answer, which must have a length.
    async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more().await > 0, "closed before an answer: {:?}", self.seen());
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.more().await > 0, "closed in the middle of a body");
        }
        let body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Answer { status: head[9..12].parse().unwrap(), head, body }
    }

    /// Waits for the server to close; nothing more may arrive before. A reset closes as well as an end.
    async fn closed(&mut self) {
        let mut byte = [0];
        assert!(self.unread.is_empty(), "unexpected: {:?}", self.seen());
        assert_eq!(soon(self.stream.read(&mut byte)).await.unwrap_or(0), 0, "a byte instead of the end");
    }

    async fn more(&mut self) -> usize {
        soon(self.stream.read_buf(&mut self.unread)).await.unwrap()
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}
