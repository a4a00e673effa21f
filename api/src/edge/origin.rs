//! Web origins (RFC 6454): scheme, host and port, compared exactly.
//! Must not know headers other than the two values it is asked about.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;

/// An origin the way browsers write it: `https://app.example.com`, `http://localhost:3000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no origin that can be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("`{0}` is not `http://` or `https://` with a host")]
    NotWeb(String),
    #[error("`{0}` has more than a scheme, a host and a port")]
    TooMuch(String),
    #[error("`{text}` never comes from a browser: write `{canonical}`")]
    NotCanonical { text: String, canonical: String },
}

impl Origin {
    /// The origin of an address, whatever its path. `None` if it is not on the web.
    pub fn of(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let host = uri.host().filter(|host| !host.is_empty() && !host.contains('*'))?.to_ascii_lowercase();
        let usual = if scheme == "https" { 443 } else { 80 };
        let origin = match uri.port_u16().filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Some(Self(origin))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let origin = Self::of(text).ok_or_else(|| OriginError::NotWeb(text.to_owned()))?;
        let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
        if after_scheme.contains(['/', '?', '#', '@']) {
            return Err(OriginError::TooMuch(text.to_owned()));
        }
        if origin.0 == text {
            Ok(origin)
        } else {
            Err(OriginError::NotCanonical { text: text.to_owned(), canonical: origin.0 })
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origins whose pages may act for a user.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// Where the outside sees us, if the settings say so.
    pub own: Option<Origin>,
    /// The pages of others (`api.cors_origins`).
    pub allowed: Vec<Origin>,
}

impl Origins {
    /// Whether the value of an `Origin` header is one of the others, to the letter. `null` never is.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.as_str() == origin)
    }

    /// Whether `origin` is where this request went itself: our public one, or what its `Host` says. Once the
    /// public one is https, a page of the same host without TLS is a stranger: the network could have written it.
    pub fn is_own(&self, origin: &str, host: Option<&str>) -> bool {
        let Some(origin) = Origin::of(origin).filter(|parsed| parsed.as_str() == origin) else {
            return false;
        };
        if self.own.as_ref() == Some(&origin) {
            return true;
        }
        let scheme = if origin.is_https() { "https" } else { "http" };
        let downgraded = self.own.as_ref().is_some_and(Origin::is_https) && !origin.is_https();
        !downgraded && host.is_some_and(|host| Origin::of(&format!("{scheme}://{host}")) == Some(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_writes_is_an_origin() {
        for text in
            ["https://app.example.com", "http://localhost:3000", "http://[::1]:8000", "https://a.b:80"]
        {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn wildcards_null_paths_and_other_schemes_are_refused() {
        for text in ["*", "null", "", "https://*", "https://*.example.com", "app.example.com", "file:///x"] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError::NotWeb(text.into())), "{text}");
        }
        for text in
            ["https://a.example/", "https://a.example/x", "https://a.example?x", "https://u@a.example"]
        {
            assert_eq!(text.parse::<Origin>(), Err(OriginError::TooMuch(text.into())), "{text}");
        }
    }

    #[test]
    fn a_spelling_no_browser_uses_is_refused_with_the_right_one() {
        for (text, right) in [
            ("https://App.example", "https://app.example"),
            ("https://a.example:443", "https://a.example"),
            ("HTTP://a.example:80", "http://a.example"),
        ] {
            let refusal = text.parse::<Origin>().unwrap_err();
            assert_eq!(refusal, OriginError::NotCanonical { text: text.into(), canonical: right.into() });
        }
    }

    #[test]
    fn our_own_origin_is_the_public_one_or_the_host_the_request_went_to() {
        let origins = Origins { own: "https://id.example".parse().ok(), allowed: vec![] };
        assert!(origins.is_own("https://id.example", None));
        assert!(origins.is_own("https://internal:8443", Some("internal:8443")));
        assert!(origins.is_own("https://internal", Some("internal:443")));
        assert!(!origins.is_own("http://internal", Some("internal")), "a downgrade");
        assert!(!origins.is_own("https://evil.example", Some("id.example")));
        assert!(!origins.is_own("https://id.example.evil.example", Some("id.example")));
        assert!(!origins.is_own("null", Some("null")));
        let plain = Origins::default();
        assert!(plain.is_own("http://localhost:8000", Some("localhost:8000")));
        assert!(!plain.is_own("http://localhost:3000", Some("localhost:8000")));
    }
}
