//! The small pages behind the links in mails: plain HTML that needs no script and no style to work. Opening one changes
//! nothing; its form acts. Must not know users, links or what an order came to, only how to show it.

#[cfg(test)]
mod tests;

use std::{sync::LazyLock, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::whole_seconds;

const STYLE: &str = include_str!("pages/style.css");

const TEMPLATES: [(&str, &str); 4] = [
    ("layout.html", include_str!("pages/layout.html")),
    ("verify-email.html", include_str!("pages/verify-email.html")),
    ("reset-password.html", include_str!("pages/reset-password.html")),
    ("outcome.html", include_str!("pages/outcome.html")),
];

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(pages);

/// Lets the page's own style in, and its form back to where it came from; nothing else (CSP level 3).
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
});

/// What a form came to, for the one who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    EmailVerified,
    PasswordSet,
    /// The link that verifies an address does not fit, has expired or was used.
    VerifyLinkDead,
    /// The same for the link to a new password.
    ResetLinkDead,
    /// What a browser brings back from a provider is not what it was sent for, or comes too late.
    LoginDead,
    TooManyAttempts {
        retry_after: Duration,
    },
    /// Nothing is wrong with what was sent.
    TryLater {
        retry_after: Duration,
    },
}

/// `GET /verify-email?key=…`: a form with one button, which posts `key` to the same path.
pub fn verify_email(key: &str) -> Response {
    page(StatusCode::OK, "verify-email.html", context! { key })
}

/// `GET /reset-password?uid=…&token=…`: a form that posts `uid`, `token`, `new_password1` and `new_password2` to the same
/// path.
pub fn reset_password(uid: &str, token: &str) -> Response {
    reset_form(StatusCode::OK, (uid, token), &json!({}))
}

/// The form once more, with what is wrong beside the fields. `faults` as the contract has it: `{field: [sentence, …]}`;
/// those of other fields than the two passwords stand above the form. No password is shown again.
pub fn reset_password_again(uid: &str, token: &str, faults: &Value) -> Response {
    reset_form(StatusCode::BAD_REQUEST, (uid, token), faults)
}

/// The page that follows a form.
pub fn outcome(outcome: Outcome) -> Response {
    let (status, title, text) = words(outcome);
    let retry_after = match outcome {
        Outcome::TooManyAttempts { retry_after } | Outcome::TryLater { retry_after } => Some(retry_after),
        Outcome::EmailVerified
        | Outcome::PasswordSet
        | Outcome::VerifyLinkDead
        | Outcome::ResetLinkDead
        | Outcome::LoginDead => None,
    };
    let again = retry_after.map(spoken);
    let mut response = page(status, "outcome.html", context! { title, text, again });
    if let Some(after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    response
}

fn reset_form(status: StatusCode, (uid, token): (&str, &str), faults: &Value) -> Response {
    const FIELDS: [&str; 2] = ["new_password1", "new_password2"];
    let others =
        faults.as_object().into_iter().flatten().filter(|(name, _)| !FIELDS.contains(&name.as_str()));
    let general: Vec<String> = others.flat_map(|(_, value)| sentences(value)).collect();
    let [first, second] = FIELDS.map(|field| faults.get(field).map(sentences).unwrap_or_default());
    page(status, "reset-password.html", context! { uid, token, general, first, second })
}

fn sentences(value: &Value) -> Vec<String> {
    match value {
        Value::String(sentence) => vec![sentence.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

const fn words(outcome: Outcome) -> (StatusCode, &'static str, &'static str) {
    match outcome {
        Outcome::EmailVerified => (
            StatusCode::OK,
            "Your address is verified",
            "You can close this page and go on where you left off.",
        ),
        Outcome::PasswordSet => (
            StatusCode::OK,
            "Your new password is set",
            "All sessions have ended. You can close this page and log in with the new password.",
        ),
        Outcome::VerifyLinkDead => (
            StatusCode::BAD_REQUEST,
            "This link does not work",
            "It is incomplete, has expired, or was used before, in which case your address is verified already. \
             You can ask for another link where you log in.",
        ),
        Outcome::ResetLinkDead => (
            StatusCode::BAD_REQUEST,
            "This link does not work",
            "It is incomplete, has expired, or was used before. You can ask for another link where you log in.",
        ),
        Outcome::LoginDead => (
            StatusCode::BAD_REQUEST,
            "This login can't be finished",
            "It took too long, was finished already, or was begun in another browser or tab. Go back to where you \
             log in and begin again.",
        ),
        Outcome::TooManyAttempts { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts",
            "Nothing was changed, and your link still works.",
        ),
        Outcome::TryLater { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This does not work right now",
            "It is not your fault. Your link still works.",
        ),
    }
}

/// A span of time in words, never shorter than it is.
fn spoken(span: Duration) -> String {
    match whole_seconds(span) {
        1 => "1 second".to_owned(),
        seconds @ ..=90 => format!("{seconds} seconds"),
        seconds @ ..=5400 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{} hours", seconds.div_ceil(3600)),
    }
}

fn page(status: StatusCode, template: &str, values: minijinja::Value) -> Response {
    let rendered = PAGES.get_template(template).and_then(|page| page.render(values));
    let (status, body) = match rendered {
        Ok(html) => (status, Body::from(html)),
        Err(error) => {
            tracing::error!(error = store::chain(&error), "a page can't be shown");
            (StatusCode::INTERNAL_SERVER_ERROR, Body::empty())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, &POLICY),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// All pages; by their names they escape what is filled in.
#[expect(clippy::expect_used, reason = "the templates are part of the program; a test shows every one")]
fn pages() -> Environment<'static> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.add_global("style", minijinja::Value::from_safe_string(STYLE.to_owned()));
    for (name, text) in TEMPLATES {
        pages.add_template(name, text).expect("a template that parses");
    }
    pages
}
