//! How a provider is called: only hosts of the settings, no redirect followed, answers of at most 64 KiB, connections
//! kept for the next call. Each provider has one of its own, so that none uses up what others need. Knows no provider.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, Method, Request, StatusCode, header},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::de::DeserializeOwned;

use super::config::origin;
use crate::form::Secret;

/// The most that an answer may have, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_mins(1);
/// How many of them are kept.
const KEPT: usize = 8;
/// Some want to be told.
const AGENT: &str = concat!("Stele/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
#[error("TLS can't be used")]
pub struct TlsError(#[source] rustls::Error);

#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Without path and query: secrets may stand there.
    #[error("it is at no host of the settings, but at {0:?}")]
    ForeignHost(String),
    #[error("no request can be made of it")]
    NoRequest(#[source] axum::http::Error),
    #[error("it can't be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("its answer broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("its answer is too long")]
    TooLong,
    /// The request was at fault: what was brought, most likely.
    #[error("it refuses with status {0}")]
    Refused(StatusCode),
    #[error("it answers with status {0}")]
    Status(StatusCode),
    /// Told by its place alone: what stands there may be somebody's name.
    #[error("its answer is not what it should be, at line {line}, column {column}")]
    Nonsense { line: usize, column: usize },
}

pub(super) struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    origins: Vec<String>,
}

/// One call, before it is made.
pub(super) struct Call<'a> {
    method: Method,
    url: &'a str,
    authorization: Option<String>,
    body: Option<(&'static str, String)>,
}

impl<'a> Call<'a> {
    pub(super) const fn get(url: &'a str) -> Self {
        Self { method: Method::GET, url, authorization: None, body: None }
    }

    pub(super) fn post(url: &'a str, form: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let body = Some(("application/x-www-form-urlencoded", body));
        Self { method: Method::POST, url, authorization: None, body }
    }

    pub(super) fn post_json(url: &'a str, body: &serde_json::Value) -> Self {
        let body = Some(("application/json", body.to_string()));
        Self { method: Method::POST, url, authorization: None, body }
    }

    pub(super) fn with_bearer(self, token: &Secret) -> Self {
        self.with_authorization(format!("Bearer {}", token.as_str()))
    }

    pub(super) fn with_authorization(self, value: String) -> Self {
        Self { authorization: Some(value), ..self }
    }
}

impl Outbound {
    /// Calls nothing but these origins.
    pub(super) fn new(origins: Vec<String>, tls: ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(KEPT)
            .build(https);
        Self { client, origins }
    }

    /// The JSON of a good answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, OutboundError> {
        let at = origin(call.url).unwrap_or_default();
        if !self.origins.contains(&at) {
            return Err(OutboundError::ForeignHost(at));
        }
        let response = self.client.request(request(call)?).await.map_err(OutboundError::Unreachable)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { OutboundError::TooLong } else { OutboundError::Broken(error) }
        })?;
        if status.is_success() {
            let read = serde_json::from_slice(&body.to_bytes());
            return read
                .map_err(|error| OutboundError::Nonsense { line: error.line(), column: error.column() });
        }
        let refused = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
        Err(if refused { OutboundError::Refused(status) } else { OutboundError::Status(status) })
    }
}

fn request(call: Call<'_>) -> Result<Request<Full<Bytes>>, OutboundError> {
    let mut request = Request::builder()
        .method(call.method)
        .uri(call.url)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, AGENT);
    if let Some(value) = call.authorization {
        let mut value =
            HeaderValue::from_str(&value).map_err(|error| OutboundError::NoRequest(error.into()))?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let (kind, body) = call.body.unwrap_or_default();
    if !kind.is_empty() {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    request.body(Full::from(body)).map_err(OutboundError::NoRequest)
}

/// Believes the public authorities and those of this machine. Other crates here bring providers of cryptography of their
/// own; this one names its.
pub(super) fn tls() -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_foreign_host_is_not_called_and_told_of_without_what_it_was_to_be_asked() {
        let outbound = Outbound::new(vec!["https://api.example.com:443".to_owned()], tls().unwrap());
        for (url, told) in [
            ("http://127.0.0.1:9/me?access_token=s3cret", "http://127.0.0.1:9"),
            ("https://api.example.com.evil.test/s3cret", "https://api.example.com.evil.test:443"),
            ("https://api.example.com:443@evil.test/?s3cret", ""),
            ("https://s3cret@api.example.com/", ""),
            ("s3cret", ""),
        ] {
            let error = outbound.call::<serde_json::Value>(Call::get(url)).await.unwrap_err();
            assert_eq!(error.to_string(), format!("it is at no host of the settings, but at {told:?}"));
        }
    }
}
