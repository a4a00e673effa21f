//! Serves requests on a bound listener and keeps slow, greedy and endless clients from hurting the others.
//! Knows HTTP/1.1, sockets and limits; must not know routes, accounts, settings files or the edge's policy.

mod connection;
mod guard;
mod pace;
mod refusal;
mod seats;
#[cfg(test)]
mod tests;
mod turned_away;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::Service;

use self::connection::Connection;
pub use self::guard::guarded;
pub(crate) use self::refusal::refuse;
use self::seats::{NoSeat, Seats};
use crate::edge::Cidr;

/// How long to wait before accepting again when the process has no descriptor or no memory left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

const WARNING_PAUSE: Duration = Duration::from_mins(1);

/// What one server grants its clients. A limit that is reached closes that client's connection and no other.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Connections open at once. One more is answered 503 with `Retry-After` and closed: a load balancer or a
    /// client learns at once that it should go elsewhere, where a full accept queue would leave it hanging.
    /// One network, a /32 or a /64 of IPv6, gets half of them, rounded up.
    pub max_connections: usize,
    /// Peers that speak for many clients and may have all connections.
    pub proxies: Vec<Cidr>,
    /// From the first byte of a request to the end of its header; also how long a new connection may stay mute.
    pub header_timeout: Duration,
    /// From the end of the header to the end of the body (408), and how long an answer may make no progress
    /// because its client does not read.
    pub body_timeout: Duration,
    /// From the end of the body to the start of the answer (503).
    pub request_timeout: Duration,
    /// How long a connection may stay silent between two requests.
    pub idle_timeout: Duration,
    /// Bytes in a request body; more is 413.
    pub body_limit: usize,
    /// How long requests under way may take to end once shutdown was asked for.
    pub drain: Duration,
}

/// The other end of the connection a request came in on, among the request's extensions. Behind a proxy this
/// is the proxy: `edge::client_address` finds the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// What answers requests: a router, or more around it.
pub trait Served:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Unpin + 'static
{
}

impl<S> Served for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Unpin
        + 'static
{
}

/// Serves `served` until `shutdown` resolves, then stops accepting, lets requests under way end for at most
/// `limits.drain`, and returns when no connection is left.
///
/// Here each connection is held to its limits and each request to RFC 9112's rules on `Host`. Limits on
/// bodies and handlers are in [`guarded`], which `served` brings with it, so that their refusals pass through
/// what is around it like every other answer.
pub async fn serve(
    listener: TcpListener,
    served: impl Served,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(false);
    let drain = limits.drain;
    let mut door = Door {
        seats: Seats::new(limits.max_connections, limits.proxies.clone()),
        warned: None,
        refusals: Arc::new(Semaphore::new(turned_away::AT_ONCE)),
        connection: Connection { served, limits: Arc::new(limits), stopping },
        open: JoinSet::new(),
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = door.open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => door.admit(stream, peer),
                Err(error) => recover(&error).await,
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    door.close(drain).await;
}

/// Every open connection, and what a new one is made from.
struct Door<S> {
    seats: Seats,
    /// When it was last said that somebody has his share.
    warned: Option<Instant>,
    refusals: Arc<Semaphore>,
    connection: Connection<S>,
    open: JoinSet<()>,
}

impl<S: Served> Door<S> {
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        let refused = match self.seats.take(peer.ip()) {
            Ok(seat) => {
                let connection = self.connection.clone();
                self.open.spawn(async move {
                    connection.run(stream, peer).await;
                    drop(seat);
                });
                return;
            }
            Err(refused) => refused,
        };
        if refused == NoSeat::Share {
            self.warn_of_share();
        }
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            self.open.spawn(async move {
                turned_away::turn_away(stream).await;
                drop(place);
            });
        }
    }

    /// Now and then, or whoever takes his share could fill the log as well.
    fn warn_of_share(&mut self) {
        if self.warned.is_none_or(|at| at.elapsed() >= WARNING_PAUSE) {
            self.warned = Some(Instant::now());
            tracing::warn!(
                "one address has half of all connections and gets no more; a proxy belongs into api.trusted_proxies"
            );
        }
    }

    async fn close(mut self, drain: Duration) {
        let empty = timeout(drain, async { while self.open.join_next().await.is_some() {} }).await;
        if empty.is_err() {
            tracing::warn!(connections = self.open.len(), "the drain time is over, open connections are cut");
            self.open.shutdown().await;
        }
    }
}

/// A client that hung up while it waited in the accept queue is its own affair. Anything else, a lack of file
/// descriptors above all, would fail again at once and turn the accept loop into a busy one.
async fn recover(error: &io::Error) {
    if !of_one_client(error.kind()) {
        tracing::warn!(%error, "cannot accept connections for the moment");
        sleep(ACCEPT_PAUSE).await;
    }
}

fn of_one_client(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
