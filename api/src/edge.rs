//! What every request passes through before it reaches a handler, and every answer on its way out.
//! Must not know what any route does, nor who the caller is.

mod address;
mod cors;
mod forgery;
mod headers;
mod origin;
#[cfg(test)]
mod tests;
mod trace;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tower::util::MapRequestLayer;
use tower::{ServiceExt, service_fn};
use tracing::Instrument;
use uuid::Uuid;

use self::cors::Sharing;
use self::trace::Traced;

pub use self::address::{Cidr, CidrError, ClientAddress, client_address, network, prefix};
pub use self::forgery::forged;
pub use self::origin::{Origin, OriginError, Origins};
pub use self::trace::RequestId;
use crate::server::{Served, ServerLimits, guarded, refuse};

/// The edge's policy, made once from the settings.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Our own origin and the others whose pages may call us with the user's cookies.
    pub origins: Origins,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether credentials may arrive in cookies, so that a browser attaches them to requests of any page.
    pub cookies: bool,
    /// Makes the id of each request. Nothing a client sends has a part in it.
    pub new_id: fn() -> Uuid,
}

impl Edge {
    /// `routes` behind the whole edge and, inside of it, [`guarded`]: an id and one log line for each request,
    /// security headers, CORS, the refusal of forged requests, limits, and paths with or without a slash at
    /// their end or needless escapes. Routes are to be registered without them.
    pub fn wrap(self, routes: Router, limits: ServerLimits) -> impl Served {
        let routes = routes.layer(MapRequestLayer::new(trace::note_route));
        let gate = Arc::new(Gate { edge: self, limits, routes });
        // No layers: each costs every request a copy of everything that is inside of it.
        service_fn(move |request| Arc::clone(&gate).pass(request))
    }
}

struct Gate {
    edge: Edge,
    limits: ServerLimits,
    routes: Router,
}

impl Gate {
    async fn pass(self: Arc<Self>, mut request: Request) -> Result<Response, Infallible> {
        let edge = &self.edge;
        let traced = Traced::begin(edge, &mut request);
        let sharing = Sharing::of(&request, &edge.origins);
        let answered = async {
            if sharing.is_preflight() {
                Ok(StatusCode::NO_CONTENT.into_response())
            } else if edge.cookies && forged(request.method(), request.headers(), &edge.origins) {
                Ok(refuse(StatusCode::FORBIDDEN, "This request comes from a site that may not make it."))
            } else {
                guarded(&self.limits, request, |request| self.routes.clone().oneshot(in_plain_form(request)))
                    .await
            }
        };
        let mut response = answered.instrument(traced.span()).await?;
        sharing.tell(response.headers_mut());
        headers::secure(edge, response.headers_mut());
        traced.end(&mut response);
        Ok(response)
    }
}

/// `/login/`, `/login` and `/log%69n` are one route. A redirect would lose the body of a POST in many clients.
fn in_plain_form(mut request: Request) -> Request {
    let uri = request.uri();
    let plain = unescaped(uri.path());
    let path = plain.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&plain);
    if path == uri.path() {
        return request;
    }
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// The path with those letters written plainly that never need an escape (RFC 3986, section 6.2.2.2).
fn unescaped(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let escaped = piece.split_at_checked(2).and_then(|(digits, rest)| {
            let letter = char::from(u8::from_str_radix(digits, 16).ok()?);
            (letter.is_ascii_alphanumeric() || "-._~".contains(letter)).then_some((letter, rest))
        });
        if let Some((letter, rest)) = escaped {
            plain.push(letter);
            plain.push_str(rest);
        } else {
            plain.push('%');
            plain.push_str(piece);
        }
    }
    plain
}
