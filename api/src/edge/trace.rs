//! One id and one log line for each request, and the address it came from.
//! Nothing a client writes gets into the log: no raw path, query, header, body or address.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use tokio::time::Instant;
use tracing::Span;
use uuid::Uuid;

use super::{ClientAddress, Edge, client_address};
use crate::server::PeerAddress;

/// The request's id, among its extensions: the correlation id of every event it causes, and its
/// `x-request-id` for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

/// Filled once a route matched. A request that panicked or took too long has still told its route.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

impl Route {
    /// The route's pattern. A path that matched none could be anything, a mistyped link with its token too.
    fn name(&self) -> &str {
        self.0.get().map_or("no route", MatchedPath::as_str)
    }
}

/// The log line of one request. It is written when this is dropped, so that a request whose client left, which
/// ends its handler wherever it stands, has one too.
struct Line {
    span: Span,
    method: &'static str,
    route: Route,
    started: Instant,
    status: Option<StatusCode>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (method, route) = (self.method, self.route.name());
        if let Some(status) = self.status {
            tracing::info!(method, route, status = status.as_u16(), ms, "answered");
        } else {
            tracing::info!(method, route, ms, "abandoned by its client");
        }
    }
}

/// A request from its first sight to its answer.
pub(super) struct Traced {
    id: Uuid,
    line: Line,
}

impl Traced {
    /// Gives the request its id and the address of its client.
    pub(super) fn begin(edge: &Edge, request: &mut Request) -> Self {
        let id = (edge.new_id)();
        let line = Line {
            span: tracing::info_span!("request", %id),
            method: method_name(request.method()),
            route: Route::default(),
            started: Instant::now(),
            status: None,
        };
        let peer = request.extensions().get().map(|PeerAddress(peer)| *peer);
        let client = peer.map(|peer| client_address(peer, request.headers(), &edge.trusted_proxies));
        let extensions = request.extensions_mut();
        extensions.insert(RequestId(id));
        extensions.insert(line.route.clone());
        if let Some(client) = client {
            extensions.insert(ClientAddress(client));
        }
        Self { id, line }
    }

    /// In which whatever is logged on the way belongs to this request.
    pub(super) fn span(&self) -> Span {
        self.line.span.clone()
    }

    /// Writes the line, and the id into the answer.
    pub(super) fn end(mut self, response: &mut Response) {
        self.line.status = Some(response.status());
        if let Ok(id) = HeaderValue::try_from(self.id.to_string()) {
            response.headers_mut().insert("x-request-id", id);
        }
    }
}

/// Sits inside of the router, where the route is known.
pub(super) fn note_route(request: Request) -> Request {
    let extensions = request.extensions();
    if let (Some(Route(slot)), Some(matched)) = (extensions.get(), extensions.get::<MatchedPath>()) {
        // It is empty: a request is routed once.
        _ = slot.set(matched.clone());
    }
    request
}

/// A method may be any word, so only the registered ones are told.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
