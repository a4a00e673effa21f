//! Where requests are taken, under which address, and what one client may ask of a server.

use std::{net::SocketAddr, time::Duration};

use ::api::{
    edge::{Cidr, Origin},
    router,
    server::ServerLimits,
};

use super::{
    error::ValueError,
    given::Raw,
    reader::Reader,
    value::{Value, not, quoted},
};

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    /// What clients reach Stele under, without a slash at the end. While it is not set, `Settings::links`
    /// knows.
    pub(crate) public_url: Option<String>,
    /// Begins with a slash and does not end in one.
    pub(crate) base_path: String,
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) cors_origins: Vec<Origin>,
    pub(crate) server: ServerLimits,
}

impl Api {
    pub(super) fn read(from: &mut Reader) -> Self {
        let mut api = Self {
            listen: from.get(
                "api.listen",
                SocketAddr::from(([127, 0, 0, 1], 8000)),
                "The IP address and port to take requests on; port 0 takes any that is free.",
            ),
            public_url: from
                .optional(
                    "api.public_url",
                    "Where clients reach Stele, such as https://auth.example.com; empty: api.listen.",
                )
                .map(|PublicUrl(url)| url),
            base_path: from
                .get(
                    "api.base_path",
                    BasePath("/dj-rest-auth".to_owned()),
                    "Where the endpoints begin that dj-rest-auth's clients call.",
                )
                .0,
            trusted_proxies: from.list(
                "api.trusted_proxies",
                "Addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed.",
            ),
            cors_origins: from.list(
                "api.cors_origins",
                "Origins whose pages may call with the user's cookies, in full; no wildcards.",
            ),
            server: server(from),
        };
        api.server.proxies.clone_from(&api.trusted_proxies);
        api
    }

    /// Whether clients come in by TLS, as far as the settings say.
    pub(super) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

fn server(from: &mut Reader) -> ServerLimits {
    let seconds = Duration::from_secs;
    ServerLimits {
        max_connections: from.above_zero(
            "api.max_connections",
            1024,
            "Connections open at once; one address gets half of them, a trusted proxy all.",
        ),
        // They are settings of their own, which the caller knows.
        proxies: Vec::new(),
        header_timeout: from.span("api.header_timeout", seconds(10), "How long a request's header may take."),
        body_timeout: from.span(
            "api.body_timeout",
            seconds(10),
            "How long a request's body may take, and how long a client may leave its answer unread.",
        ),
        request_timeout: from.span(
            "api.request_timeout",
            seconds(15),
            "How long an answer may take, from the end of the request.",
        ),
        idle_timeout: from.span(
            "api.idle_timeout",
            seconds(75),
            "How long a connection may stay silent between requests; longer than your proxy keeps one open.",
        ),
        body_limit: from.above_zero("api.body_limit", 64 * 1024, "Bytes in a request's body; more is 413."),
        drain: from.span(
            "api.drain_timeout",
            seconds(25),
            "How long requests under way may take to end after a signal to stop.",
        ),
    }
}

struct PublicUrl(String);

impl Value for PublicUrl {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        let wrong = || not(text, "a plain web address such as https://auth.example.com");
        let url = text.trim_end_matches('/');
        let origin = Origin::of(url).ok_or_else(wrong)?;
        let path = url.strip_prefix(origin.as_str()).ok_or_else(wrong)?;
        if path.is_empty() || is_path(path) { Ok(Self(url.to_owned())) } else { Err(wrong()) }
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

struct BasePath(String);

impl Value for BasePath {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        if !is_path(text) {
            return Err(not(
                text,
                "a path such as /dj-rest-auth, with a slash at its start and none at its end",
            ));
        }
        let first = text.split('/').nth(1).unwrap_or_default();
        if router::is_own(first) {
            Err(ValueError::Reserved(format!("/{first}")))
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

/// `/one/or/more` segments of characters that need no encoding (RFC 3986, section 2.3).
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    text.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment))
}
