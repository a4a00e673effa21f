//! The address of a database on a server. Nothing that is told of it, or of an error in it, shows the password.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use sqlx::postgres::PgConnectOptions;

/// What else a URL may say. Where TLS keys lie is said as libpq does.
const PARAMETERS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"];
const TLS_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/// Where a database is and how it is reached: `postgres://user:password@host/database?sslmode=verify-full`.
#[derive(Clone)]
pub struct Url {
    options: Arc<PgConnectOptions>,
    has_sessions: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("postgres://user:password@host/database is wanted")]
    Form,
    #[error(
        "the URL has a parameter that is none of sslmode, sslrootcert, sslcert, sslkey, application_name, pooler"
    )]
    Parameter,
    #[error("sslmode is none of disable, prefer, require, verify-ca, verify-full")]
    TlsMode,
    #[error(
        "the host is another machine, so the URL must say sslmode=verify-full, or sslmode=disable where the network is trusted"
    )]
    TlsUnsaid,
    #[error("pooler=transaction is the only pooler that needs to be known")]
    Pooler,
}

impl Url {
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Whether a connection leads to one session of the server for as long as it lives: not so behind some poolers.
    pub fn has_sessions(&self) -> bool {
        self.has_sessions
    }

    /// Whether both lead to one database by the same name.
    pub fn is_same_database(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    fn place(&self) -> (String, u16, Option<&str>) {
        let socket = self.options.get_socket().map(|path| path.display().to_string());
        let host = socket.unwrap_or_else(|| self.options.get_host().to_owned());
        (host, self.options.get_port(), self.options.get_database())
    }

    fn is_local(&self) -> bool {
        let host = self.options.get_host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.options.get_socket().is_some()
            || host == "localhost"
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let rest = base.strip_prefix("postgres://").or_else(|| base.strip_prefix("postgresql://"));
        let (authority, database) = rest.and_then(|rest| rest.split_once('/')).ok_or(UrlError::Form)?;
        let (user, host) = authority.rsplit_once('@').ok_or(UrlError::Form)?;
        let (pooler, given) = parameters(query)?;
        let of = |name: &str| given.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        if user.is_empty() || user.starts_with(':') || host.is_empty() || database.is_empty() {
            return Err(UrlError::Form);
        }
        if of("sslmode").is_some_and(|mode| !TLS_MODES.contains(&mode)) {
            return Err(UrlError::TlsMode);
        }
        let known: Vec<String> = given.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let options: PgConnectOptions =
            format!("postgres://{}?{}", rest.unwrap_or_default(), known.join("&"))
                .parse()
                .map_err(|_| UrlError::Form)?;
        // Poolers refuse it, and no number here is a fraction.
        let url = Self { options: Arc::new(options.extra_float_digits(None)), has_sessions: !pooler };
        if of("sslmode").is_none() && !url.is_local() {
            return Err(UrlError::TlsUnsaid);
        }
        Ok(url)
    }
}

type Parameters<'t> = Vec<(&'t str, &'t str)>;

/// Whether a pooler gives each transaction another session, and all that is for the driver. A part of a password that was not
/// encoded may have come here.
fn parameters(query: &str) -> Result<(bool, Parameters<'_>), UrlError> {
    let (mut pooler, mut given) = (false, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').ok_or(UrlError::Parameter)? {
            ("pooler", "transaction") => pooler = true,
            ("pooler", _) => return Err(UrlError::Pooler),
            (key, value) if PARAMETERS.contains(&key) => given.push((key, value)),
            _ => return Err(UrlError::Parameter),
        }
    }
    Ok((pooler, given))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port, database) = self.place();
        let user = self.options.get_username();
        write!(f, "postgres://{user}@{host}:{port}/{}", database.unwrap_or_default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
