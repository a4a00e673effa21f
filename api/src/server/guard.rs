//! What stands between a connection and a handler: bodies are whole and small, answers are timely, a panic is an answer.
//! Must not know routes, and nothing of a request but its body.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{ServerLimits, refuse};

/// Answers a request by `next`, and holds it to the limits:
///
/// - the body is read whole before the handler runs, so that a handler finds it in memory: 413 over
///   `body_limit`, 408 after `body_timeout`, 400 if it breaks off or is malformed; each closes the connection;
/// - the handler is given up after `request_timeout`: 503 with `Retry-After`;
/// - a panic is logged once and answered 500.
pub async fn guarded<F>(
    limits: &ServerLimits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Result<Response, Infallible>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    let request = match with_whole_body(request, limits).await {
        Ok(request) => request,
        Err(refusal) => return Ok(refusal),
    };
    let handled = AssertUnwindSafe(async { timeout(limits.request_timeout, next(request)).await });
    Ok(match handled.catch_unwind().await {
        Ok(Ok(response)) => response?,
        Ok(Err(_)) => {
            tracing::warn!("a request took too long and was given up");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "The request took too long. Try again soon.")
        }
        Err(_) => {
            // The payload may hold what the handler worked on, a password for instance: it stays out of the log.
            tracing::error!("a request handler panicked");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on the server.")
        }
    })
}

async fn with_whole_body(request: Request, limits: &ServerLimits) -> Result<Request, Response> {
    let (parts, body) = request.into_parts();
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > limits.body_limit) {
        return Err(too_large());
    }
    match timeout(limits.body_timeout, Limited::new(body, limits.body_limit).collect()).await {
        Ok(Ok(whole)) => Ok(Request::from_parts(parts, Body::from(whole.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(closing(StatusCode::BAD_REQUEST, "The request body could not be read.")),
        Err(_) => Err(closing(StatusCode::REQUEST_TIMEOUT, "The request body took too long.")),
    }
}

fn too_large() -> Response {
    closing(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large.")
}

/// What is left of the body would be read as the next request, so there is none on this connection.
fn closing(status: StatusCode, detail: &str) -> Response {
    let mut response = refuse(status, detail);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
