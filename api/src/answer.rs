//! Answers in the contract's shape, and the one table from failures to statuses. A failing dependency is a 503 with
//! Retry-After and says nothing else; its cause is logged here, once.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use store::{Position, StoreError, chain};

use crate::{
    attempts::TooMany,
    command::Failure,
    form::{FieldErrors, Refusal},
    revocation::Silent,
    token::jwt::SignError,
};

/// Says where the newest event that an answer tells of stands in the log.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("stele-position");

/// What a handler comes to, well or not.
pub(crate) type Handled = Result<Answer, Answer>;

#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// `{"detail": …}`, as the contract says most things.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::new(status, json!({ "detail": detail }))
    }

    pub(crate) fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn body(&self) -> &Value {
        &self.body
    }

    /// The seconds after which to try again, if the answer says so.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        let (_, value) = self.headers.iter().find(|(name, _)| name == header::RETRY_AFTER)?;
        value.to_str().ok()?.parse().ok()
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    #[must_use]
    pub(crate) fn with_cookies(self, cookies: impl IntoIterator<Item = String>) -> Self {
        cookies.into_iter().fold(self, |answer, cookie| answer.with(header::SET_COOKIE, &cookie))
    }

    /// Says where the newest event that the answer tells of stands.
    #[must_use]
    pub(crate) fn at(self, log_id: &str, position: Position) -> Self {
        self.with(POSITION, &position.to_text(log_id))
    }

    fn later(status: StatusCode, detail: &str, after: Duration) -> Self {
        Self::detail(status, detail).with(header::RETRY_AFTER, &whole_seconds(after).to_string())
    }

    /// 503: nothing is wrong with the request.
    pub(crate) fn unavailable(after: Duration) -> Self {
        Self::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service temporarily unavailable, try again later.",
            after,
        )
    }

    fn broken() -> Self {
        Self::detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error.")
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let bodiless = self.status == StatusCode::NO_CONTENT;
        let body = if bodiless { Body::empty() } else { Body::from(self.body.to_string()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !bodiless {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

impl From<FieldErrors> for Answer {
    fn from(errors: FieldErrors) -> Self {
        Self::new(StatusCode::BAD_REQUEST, errors.to_json())
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status(), refusal.to_json())
    }
}

impl From<TooMany> for Answer {
    fn from(TooMany { retry_after }: TooMany) -> Self {
        let seconds = whole_seconds(retry_after);
        let plural = if seconds == 1 { "" } else { "s" };
        let detail = format!("Request was throttled. Expected available in {seconds} second{plural}.");
        Self::later(StatusCode::TOO_MANY_REQUESTS, &detail, retry_after)
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy(busy) => Self::unavailable(Duration::from_secs(busy.retry_after)),
            Failure::Store(error) => error.into(),
            Failure::Hash(error) => {
                tracing::error!(error = chain(&error), "a stored password hash can't be used");
                Self::broken()
            }
        }
    }
}

impl From<StoreError> for Answer {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Corrupt { .. } | StoreError::Unwritable { .. } => {
                tracing::error!(error = chain(&error), "an event can't be read or written");
                Self::broken()
            }
            StoreError::Conflict { .. } | StoreError::Unavailable(_) => {
                tracing::warn!(error = chain(&error), "a request was not served");
                Self::unavailable(Duration::from_secs(1))
            }
        }
    }
}

impl From<sqlx::Error> for Answer {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Unavailable(error.into()).into()
    }
}

impl From<SignError> for Answer {
    fn from(error: SignError) -> Self {
        tracing::error!(error = chain(&error), "a token can't be signed");
        Self::broken()
    }
}

impl From<Silent> for Answer {
    fn from(silent: Silent) -> Self {
        tracing::warn!(%silent, "tokens can't be judged");
        Self::unavailable(Duration::from_secs(5))
    }
}

/// A span as `Retry-After` tells it (RFC 9110, section 10.2.3): in whole seconds, never shorter than it is.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1)
}
