//! `/health/live`, `/health/ready` and the public keys of this deployment: asked by machines, without credentials.

use axum::{
    extract::State,
    http::{StatusCode, header},
};
use serde_json::json;

use crate::{
    answer::Answer,
    app::{App, Parts},
};

/// The process runs.
pub(crate) async fn live() -> Answer {
    Answer::ok(json!({ "status": "ok" }))
}

/// Whether requests can be served, and how each part is doing.
pub(crate) async fn ready(State(parts): State<Parts>) -> Answer {
    match parts.report().await {
        (true, report) => Answer::ok(report),
        (false, report) => {
            Answer::new(StatusCode::SERVICE_UNAVAILABLE, report).with(header::RETRY_AFTER, "1")
        }
    }
}

/// The keys that tokens are verified with (RFC 7517). Caches ask again soon enough to know a new key before it signs.
pub(crate) async fn jwks(State(app): State<App>) -> Answer {
    Answer::ok(app.jwt().keyring().jwks()).with(header::CACHE_CONTROL, "public, max-age=300")
}
