//! A bare TCP connection, for what no HTTP client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn connect(address: &str) -> Self {
        Self(TcpStream::connect(address).await.expect("the server takes connections"))
    }

    /// Connects from another address of this machine.
    pub(crate) async fn connect_from(source: &str, address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await;
        Self(stream.expect("the server takes connections"))
    }

    /// Sends, and does not mind when the server has closed already: what it said is still there to read.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.ok();
    }

    /// Reads until `end` was seen; fails the test after `deadline`.
    pub(crate) async fn read_until(&mut self, end: &str, deadline: Duration) -> String {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains(end) {
            let read =
                timeout(deadline, self.0.read(&mut piece)).await.expect("an answer within the deadline");
            let read = read.expect("an open connection");
            assert!(read > 0, "closed before {end:?}, after {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Everything until the server closes; fails the test if it does not within `deadline`.
    pub(crate) async fn rest(mut self, deadline: Duration) -> String {
        let mut seen = Vec::new();
        let reading = async {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = self.0.read(&mut piece).await {
                seen.extend_from_slice(&piece[..read]);
            }
        };
        timeout(deadline, reading).await.expect("the server closes the connection");
        String::from_utf8_lossy(&seen).into_owned()
    }
}
