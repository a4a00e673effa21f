//! A connection on which the other side can't go on for ever: between two things that we say it may say only so much, whether it
//! is encrypted or not. Knows no word of the conversation.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};

/// How long each address of the server may take to be connected to.
pub(super) const CONNECT: Duration = Duration::from_secs(15);
/// Bytes: more than a handshake of TLS, or any answer that lettre takes, which looks at the length of a line only at its end.
const MOST: usize = 128 * 1024;

#[derive(Debug)]
pub(super) struct Bounded {
    stream: TcpStream,
    /// Bytes since this side spoke last.
    heard: usize,
}

impl Bounded {
    /// Connects to the first address of the host that answers.
    pub(super) async fn connect(server: (&str, u16)) -> io::Result<Self> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name of the server has no address");
        for address in lookup_host(server).await? {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A mail's last line would wait for the acknowledgement of those before it, which may take 40 ms.
                    stream.set_nodelay(true)?;
                    return Ok(Self { stream, heard: 0 });
                }
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.heard += buffer.filled().len().saturating_sub(before);
        if self.heard > MOST {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server talks without end",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
