//! Cross-origin resource sharing (the Fetch standard, section 3.3) for a list of exact origins.
//! Must not know which routes exist: every path is shared alike.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method};

use super::Origins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, stele-min-position, x-csrftoken, x-requested-with",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static("retry-after, stele-position, x-request-id");
/// Seconds for which a browser may keep a preflight's answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What the browser is to be told of a request: that a page of an allowed origin may read the answer. Any other origin is told
/// nothing, which makes the browser refuse.
pub(super) struct Sharing {
    origin: Option<HeaderValue>,
    preflight: bool,
}

impl Sharing {
    pub(super) fn of(request: &Request, origins: &Origins) -> Self {
        let headers = request.headers();
        let preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self { origin: allowed_origin(headers, origins), preflight }
    }

    /// Whether the browser only asks, so that no route is to see the request.
    pub(super) const fn is_preflight(&self) -> bool {
        self.preflight
    }

    pub(super) fn tell(self, headers: &mut HeaderMap) {
        // On every answer: a cache must not hand what one origin got to another.
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if self.preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        } else {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}

fn allowed_origin(headers: &HeaderMap, origins: &Origins) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    origins.allows(origin.to_str().ok()?).then(|| origin.clone())
}
