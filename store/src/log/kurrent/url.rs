//! The address of a log on KurrentDB: the client's connection string, and which streams of that server are ours. Nothing that is told
//! of it, or of an error in it, shows the password.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use eventstore::{ClientSettings, Credentials};
use percent_encoding::percent_decode_str;

const SCHEMES: [&str; 4] = ["esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover"];
/// What else a URL may say to the client.
const PARAMETERS: [&str; 11] = [
    "connectionname",
    "discoveryinterval",
    "gossiptimeout",
    "keepaliveinterval",
    "keepalivetimeout",
    "maxdiscoverattempts",
    "tls",
    "tlscafile",
    "tlsverifycert",
    "usercertfile",
    "userkeyfile",
];
/// Milliseconds. The client waits that long before it looks for a server the first time too.
const DISCOVERY_INTERVAL: u32 = 50;
const PREFIX: &str = "stele";
const PORT: u16 = 2113;

/// Where a log is and how it is reached: `esdb://user:password@host:2113?prefix=stele`.
#[derive(Clone)]
pub struct Url {
    place: Arc<str>,
    prefix: Arc<str>,
    settings: Arc<ClientSettings>,
    user: Option<Arc<str>>,
    credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("esdb://user:password@host:2113 is wanted, or several hosts with commas between them")]
    Form,
    #[error(
        "the URL has a parameter that is none of prefix, tls, tlsVerifyCert, tlsCaFile, userCertFile, userKeyFile, nodePreference, \
         connectionName, discoveryInterval, maxDiscoverAttempts, gossipTimeout, keepAliveInterval, keepAliveTimeout"
    )]
    Parameter,
    #[error("a parameter of the URL has a value that it can't have")]
    Value,
    #[error("prefix is made of letters, digits and _ alone")]
    Prefix,
    #[error("nodePreference can be leader only: what was acknowledged has to be seen by whoever reads next")]
    Preference,
    #[error("a user certificate needs both userCertFile and userKeyFile")]
    Certificate,
}

impl Url {
    pub(super) fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Who asks, where the URL says it.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Where the first of the servers is asked without its protocol.
    pub(super) fn by_http(&self) -> String {
        let scheme = if self.settings.is_secure_mode_enabled() { "https" } else { "http" };
        let first = self.settings.hosts().first();
        first.map(|host| format!("{scheme}://{}:{}", host.host, host.port)).unwrap_or_default()
    }

    /// What the names of our streams begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether both name the same streams of a server by the same name.
    pub fn is_same_log(&self, other: &Self) -> bool {
        (self.hosts(), &self.prefix) == (other.hosts(), &other.prefix)
    }

    /// Each with its port, in an order of their own.
    fn hosts(&self) -> BTreeSet<String> {
        let (_, hosts) = self.place.split_once("://").unwrap_or_default();
        let with_port =
            |host: &str| if host.contains(':') { host.to_owned() } else { format!("{host}:{PORT}") };
        hosts.split(',').map(|host| with_port(&host.to_ascii_lowercase())).collect()
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, authority) = base.split_once("://").ok_or(UrlError::Form)?;
        let authority = authority.trim_end_matches('/');
        let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
        let discovers_one = !scheme.ends_with("+discover") || !hosts.contains(',');
        if !SCHEMES.contains(&scheme) || !hosts.split(',').all(is_host) || !discovers_one {
            return Err(UrlError::Form);
        }
        let (prefix, given) = parameters(query)?;
        let place = format!("{scheme}://{hosts}");
        let (user, credentials) = user.map(credentials).transpose()?.unzip();
        Ok(Self {
            settings: Arc::new(format!("{place}?{given}").parse().map_err(|_| UrlError::Value)?),
            place: place.into(),
            prefix: prefix.into(),
            user,
            credentials,
        })
    }
}

/// A name or address, and perhaps a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Decoded here, as the client takes them as they stand.
fn credentials(text: &str) -> Result<(Arc<str>, Credentials), UrlError> {
    let (user, password) = text.split_once(':').ok_or(UrlError::Form)?;
    let decoded = |text| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
    match (decoded(user), decoded(password)) {
        (Ok(user), Ok(password)) if !user.is_empty() && !user.contains(':') => {
            Ok((user.as_str().into(), Credentials::new(user, password)))
        }
        _ => Err(UrlError::Form),
    }
}

/// The prefix, and what is for the client.
fn parameters(query: &str) -> Result<(&str, String), UrlError> {
    let (mut prefix, mut given) = (PREFIX, vec!["nodePreference=leader".to_owned()]);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(UrlError::Parameter)?;
        match name.to_ascii_lowercase().as_str() {
            "prefix" => prefix = value,
            "nodepreference" if value.eq_ignore_ascii_case("leader") => {}
            "nodepreference" => return Err(UrlError::Preference),
            known if PARAMETERS.contains(&known) => given.push(format!("{known}={value}")),
            _ => return Err(UrlError::Parameter),
        }
    }
    let has = |name: &str| given.iter().any(|pair| pair.starts_with(name));
    if has("usercertfile=") != has("userkeyfile=") {
        return Err(UrlError::Certificate);
    }
    if !has("discoveryinterval=") {
        given.push(format!("discoveryinterval={DISCOVERY_INTERVAL}"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if prefix.is_empty() || !prefix.bytes().all(plain) {
        return Err(UrlError::Prefix);
    }
    Ok((prefix, given.join("&")))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if *self.prefix == *PREFIX { Ok(()) } else { write!(f, "?prefix={}", self.prefix) }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
