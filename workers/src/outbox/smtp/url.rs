//! The address of a mail server. Nothing that is told of it, or of an error in it, shows the password.

use std::{fmt, net::IpAddr, str::FromStr};

use percent_encoding::percent_decode_str;

/// Where mails are handed in, after STARTTLS (RFC 6409) and under TLS from the start (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// Where a mail server is and how to log in: `smtp://user:password@host:port`, or `smtps://` for TLS from the start.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS comes before anything else.
    pub(super) wrapped: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<Login>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("smtp://user:password@host:port or smtps://user:password@host:port is wanted")]
    Form,
    #[error("a user and a password are wanted before the @, their special characters percent-encoded")]
    Login,
}

impl Url {
    /// Whether the server is on this machine.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Form)?;
        let wrapped = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(UrlError::Form),
        };
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(Login::parse(login).ok_or(UrlError::Login)?), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = split(place).ok_or(UrlError::Form)?;
        let port = match port {
            Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or(UrlError::Form)?,
            None if wrapped => SUBMISSIONS,
            None => SUBMISSION,
        };
        Ok(Self { wrapped, host: host.to_owned(), port, login })
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().ok().map(String::from);
        let login = Self { user: decoded(user)?, password: decoded(password)? };
        // It would end the line in which it is sent, or the part of it.
        let breaks = |part: &str| part.is_empty() || part.contains(['\0', '\r', '\n']);
        (!breaks(&login.user) && !breaks(&login.password)).then_some(login)
    }
}

/// Host and port: `mail.example.com:587`, `192.0.2.1`, `[2001:db8::1]:25`.
fn split(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match port.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => port.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let named = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (!host.is_empty() && host.chars().all(named)).then_some((host, port))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wrapped, host, port, .. } = self;
        let scheme = if *wrapped { "smtps" } else { "smtp" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_server_is_named_by_scheme_host_and_port() {
        for (text, shown) in [
            ("smtp://mail.example.com", "smtp://mail.example.com:587"),
            ("smtp://mail.example.com:25/", "smtp://mail.example.com:25"),
            ("smtps://mail.example.com", "smtps://mail.example.com:465"),
            ("smtps://192.0.2.1:4650", "smtps://192.0.2.1:4650"),
            ("smtp://[::1]:1025", "smtp://[::1]:1025"),
            ("smtp://[2001:db8::1]", "smtp://[2001:db8::1]:587"),
        ] {
            assert_eq!(url(text).to_string(), shown);
        }
    }

    #[test]
    fn a_login_is_percent_decoded_and_never_shown() {
        let url = url("smtp://ada%40example.org:hunter2%2F%C3%A9@mail.example.com");
        let login = url.login.as_ref().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("ada@example.org", "hunter2/é"));
        let shown = format!("{url} {url:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("ada"), "{shown}");
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for text in [
            "",
            "smtp:",
            "smtp://",
            "smtp:mail.example.com",
            "http://mail.example.com",
            "smtp://:25",
            "smtp://mail.example.com:0",
            "smtp://mail.example.com:port",
            "smtp://mail.example.com:65536",
            "smtp://mail.example.com/inbox",
            "smtp://mail.example.com?tls=none",
            "smtp://[::1",
            "smtp://[mail]:25",
            "smtp://mail example.com",
        ] {
            assert_eq!(text.parse::<Url>(), Err(UrlError::Form), "{text}");
        }
        for login in ["hunter2", ":hunter2", "ada:", "", "a%00b:x", "ada:hunter2%0D%0ARSET", "%ff:x"] {
            let text = format!("smtp://{login}@mail.example.com");
            assert_eq!(text.parse::<Url>(), Err(UrlError::Login), "{text}");
        }
    }

    #[test]
    fn only_the_machine_itself_is_local() {
        for local in ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"] {
            assert!(url(&format!("smtp://{local}:25")).is_local(), "{local}");
        }
        for other in ["mail", "192.0.2.1", "localhost.example.com", "[2001:db8::1]"] {
            assert!(!url(&format!("smtp://{other}:25")).is_local(), "{other}");
        }
    }
}
