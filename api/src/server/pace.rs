//! How long a client may take: before a request, for its header, and to read its answer.
//! Knows bytes and time; of HTTP only whether a request is being answered.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ServerLimits;

/// The clock of one connection, shared by what sees the bytes, what sees the requests, and the alarm.
#[derive(Clone)]
pub(super) struct Pace(Arc<Shared>);

struct Shared {
    header: Duration,
    idle: Duration,
    write: Duration,
    due: Mutex<Due>,
}

/// When patience ends.
struct Due {
    /// With the client's next byte or header; `None` while it is the server's turn.
    read: Option<Instant>,
    /// Whether no byte of the next request has come yet.
    at_rest: bool,
    /// With an answer that the client does not read.
    write: Option<Instant>,
}

impl Pace {
    /// A new connection has the time of a header to say something.
    pub(super) fn new(limits: &ServerLimits) -> Self {
        let due = Due { read: Some(Instant::now() + limits.header_timeout), at_rest: true, write: None };
        Self(Arc::new(Shared {
            header: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.body_timeout,
            due: Mutex::new(due),
        }))
    }

    /// The server's turn begins, and ends when the returned value is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.due().read = None;
        Answering(self.clone())
    }

    pub(super) fn alarm(&self) -> Alarm {
        Alarm { pace: self.clone(), timer: Box::pin(sleep_until(Instant::now())) }
    }

    fn rest(&self) {
        let mut due = self.due();
        due.read = Some(Instant::now() + self.0.idle);
        due.at_rest = true;
    }

    fn received(&self) {
        let mut due = self.due();
        if due.at_rest && due.read.is_some() {
            due.read = Some(Instant::now() + self.0.header);
            due.at_rest = false;
        }
    }

    fn blocked(&self) {
        self.due().write.get_or_insert_with(|| Instant::now() + self.0.write);
    }

    fn sent(&self) {
        self.due().write = None;
    }

    fn next(&self) -> Option<Instant> {
        let due = self.due();
        [due.read, due.write].into_iter().flatten().min()
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.0.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is being answered for as long as this lives.
pub(super) struct Answering(Pace);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// Goes off when the client took too long.
pub(super) struct Alarm {
    pace: Pace,
    timer: Pin<Box<Sleep>>,
}

impl Alarm {
    /// To be polled after the connection and in its task: what moves the alarm wakes that task anyway.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(next) = self.pace.next() else {
            return Poll::Pending;
        };
        // Nearly always patience has grown since the timer was set: it is not moved, but asked again when it goes off.
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.timer.deadline() >= next {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

/// A socket that tells the clock what passes through it.
pub(super) struct Paced {
    stream: TcpStream,
    pace: Pace,
}

impl Paced {
    pub(super) fn new(stream: TcpStream, pace: Pace) -> Self {
        Self { stream, pace }
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.pace.blocked();
        } else {
            self.pace.sent();
        }
        written
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pace.received();
        }
        read
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
