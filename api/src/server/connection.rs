//! One connection from its first byte to its close.
//! Knows hyper and RFC 9112; must not know what answers a request.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;

use super::pace::{Answering, Pace, Paced};
use super::{PeerAddress, Served, ServerLimits, refuse};

/// Bytes that a connection may hold unparsed or unsent: the longest header, and more than any answer needs.
const BUFFER: usize = 32 * 1024;

/// How long a closed connection is still read, so that its client gets to see the last answer.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct Connection<S> {
    pub(super) served: S,
    pub(super) limits: Arc<ServerLimits>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl<S: Served> Connection<S> {
    /// Serves requests until the client, a limit or the server's stop ends the connection.
    pub(super) async fn run(mut self, stream: TcpStream, peer: SocketAddr) {
        // Without it an answer waits for the acknowledgement of the one before; a refusal is harmless.
        _ = stream.set_nodelay(true);
        let pace = Pace::new(&self.limits);
        let mut late = pace.alarm();
        let io = TokioIo::new(Paced::new(stream, pace.clone()));
        let served = self.served;
        let service = service_fn(move |request| {
            Box::pin(answer(served.clone(), request, PeerAddress(peer), pace.answering()))
        });
        // `Pace` keeps the time, and unlike hyper's own limit tells an idle client from a slow header.
        let mut connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            .serve_connection(io, service);
        let mut told = false;
        let end = loop {
            tokio::select! {
                // What the connection does sets the alarm, so the alarm is looked at after it.
                biased;
                end = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break end,
                () = poll_fn(|cx| late.poll(cx)) => return,
                _ = self.stopping.wait_for(|stop| *stop), if !told => {
                    told = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
            }
        };
        if end.as_ref().map_or_else(hyper::Error::is_parse, |()| true) {
            linger(connection.into_parts().io.into_inner().into_inner()).await;
        }
    }
}

async fn answer(
    served: impl Served,
    mut request: Request<Incoming>,
    peer: PeerAddress,
    answering: Answering,
) -> Result<Response<Answer>, Infallible> {
    let response = if let Err(why) = well_addressed(&request) {
        let mut refusal = refuse(StatusCode::BAD_REQUEST, why);
        refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        refusal
    } else {
        request.extensions_mut().insert(peer);
        served.oneshot(request.map(Body::new)).await?
    };
    Ok(response.map(|body| Answer { body, _answering: answering }))
}

/// RFC 9112 section 3.2: one valid `Host`, which only HTTP/1.0 may leave out; and a target that names a host
/// names the same one, or a proxy before us and we would disagree on whom the request is for.
fn well_addressed<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return match request.version() {
            Version::HTTP_10 => Ok(()),
            _ => Err("The Host header is missing."),
        };
    };
    if hosts.next().is_some() {
        return Err("There is more than one Host header.");
    }
    let host = Authority::try_from(host.as_bytes()).map_err(|_| "The Host header is not valid.")?;
    if host.as_str().contains('@') {
        return Err("The Host header is not valid.");
    }
    match request.uri().authority() {
        Some(target) if *target != host => Err("The Host header and the request target differ."),
        _ => Ok(()),
    }
}

/// Closes the sending half and reads on for a moment. Closing with unread bytes would make the kernel reset
/// the connection, and the client could lose the answer it has not read yet (RFC 9112 section 9.6).
pub(super) async fn linger(mut stream: TcpStream) {
    let rest = async {
        stream.shutdown().await?;
        let mut ignored = [0; 4096];
        while stream.read(&mut ignored).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // The client closed, broke off or took too long: each way there is nothing left to do for it.
    _ = timeout(LINGER, rest).await;
}

/// A response's body, which marks the server's turn as over when it is sent or given up.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
