//! The addresses that mails and tokens carry. They come from settings and the bound address alone, never from
//! a request: whoever writes a request's Host must not choose where a secret goes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use api::router::{RESET_PATH, VERIFY_PATH};

use super::{
    Settings,
    error::ValueError,
    given::Raw,
    value::{Value, not, quoted},
};

/// Complete addresses, the placeholders of links still in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    /// Without a slash at the end.
    pub(crate) public_url: String,
    /// With `{key}`.
    pub(crate) verify_url: String,
    /// With `{uid}` and `{token}`.
    pub(crate) reset_url: String,
    /// The `iss` of tokens.
    pub(crate) issuer: String,
}

impl Links {
    pub(super) fn new(settings: &Settings, bound: SocketAddr) -> Self {
        let public_url =
            settings.api.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(bound)));
        let verify = settings.mail.verify_url.as_ref().map(|VerifyUrl(url)| url.clone());
        let reset = settings.mail.reset_url.as_ref().map(|ResetUrl(url)| url.clone());
        Self {
            verify_url: verify.unwrap_or_else(|| format!("{public_url}{VERIFY_PATH}?key={{key}}")),
            reset_url: reset
                .unwrap_or_else(|| format!("{public_url}{RESET_PATH}?uid={{uid}}&token={{token}}")),
            issuer: settings.jwt.issuer.clone().unwrap_or_else(|| public_url.clone()),
            public_url,
        }
    }
}

/// Whoever listens on all addresses is reached under the one of this machine, which no link can do without.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

#[derive(Debug)]
pub(super) struct VerifyUrl(String);

#[derive(Debug)]
pub(super) struct ResetUrl(String);

/// Where a login by way of a provider ends; its result is put behind it.
pub(super) struct ReturnUrl(pub(super) String);

impl Value for VerifyUrl {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        link(raw, &["key"]).map(Self)
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for ResetUrl {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        link(raw, &["uid", "token"]).map(Self)
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for ReturnUrl {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        link(raw, &[]).map(Self)
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

/// An app may have a scheme of its own, so any scheme will do.
fn link(raw: &Raw, placeholders: &[&'static str]) -> Result<String, ValueError> {
    let text = raw.text()?;
    let is_scheme = |scheme: &str| {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(rest)
    };
    let absolute = text.split_once("://").is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
    if !absolute || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(not(text, "an address such as https://app.example.com/page"));
    }
    let missing = placeholders.iter().find(|name| !text.contains(&format!("{{{name}}}")));
    if let Some(name) = missing {
        return Err(ValueError::Placeholder(name));
    }
    let filled =
        placeholders.iter().fold(text.to_owned(), |text, name| text.replace(&format!("{{{name}}}"), ""));
    match filled.find(['{', '}']) {
        Some(at) => Err(ValueError::StrayPlaceholder(filled.chars().skip(at).take(20).collect())),
        None => Ok(text.to_owned()),
    }
}
