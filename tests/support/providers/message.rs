//! A request as a provider sees it, and what it answers.

use data_encoding::BASE64;
use hyper::{HeaderMap, Method};
use serde_json::Value;

/// A whole request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// A field of the query, or of the body, which may be a form or JSON.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let named = |(key, value): (String, String)| (key == name).then_some(value);
        if let Some(value) = self.query.iter().cloned().find_map(named) {
            return Some(value);
        }
        if self.header("content-type").starts_with("application/json") {
            let body: Value = serde_json::from_str(&self.body).ok()?;
            return body.get(name)?.as_str().map(str::to_owned);
        }
        self.form().into_iter().find_map(named)
    }

    /// The fields of a form in the body.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let is_form = self.header("content-type").starts_with("application/x-www-form-urlencoded");
        let body = if is_form { self.body.as_bytes() } else { b"" };
        form_urlencoded::parse(body).into_owned().collect()
    }

    /// Empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What follows this scheme in `Authorization`.
    pub(super) fn credentials(&self, scheme: &str) -> Option<&str> {
        let (given, rest) = self.header("authorization").split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then_some(rest)
    }

    /// The name and password of basic authentication.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let decoded = BASE64.decode(self.credentials("basic")?.as_bytes()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
            .with("cache-control", "no-store")
    }

    pub(super) fn html(status: u16, body: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", body)
    }

    pub(super) fn form(fields: &[(&str, &str)]) -> Self {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        Self::new(200, "application/x-www-form-urlencoded; charset=utf-8", body.finish())
    }

    pub(super) fn redirect(status: u16, to: &str) -> Self {
        Self::html(status, String::new()).with("location", to)
    }

    pub(super) fn nowhere() -> Self {
        Self::html(404, "<title>404</title>".to_owned())
    }

    pub(super) fn new(status: u16, content_type: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}
