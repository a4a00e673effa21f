//! The way to NATS: where its servers are, who Stele is there, and whom it believes. Knows nothing of what is sent.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event, ServerAddr,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};
use tokio::{fs, sync::watch, task::spawn_blocking};

/// How long connecting, and any question to the server, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection on which nothing happens is tried.
const PING: Duration = Duration::from_secs(10);

/// The servers of one NATS, separated by commas: `nats://host:port`, or `tls://host:port` where nothing goes unencrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers(Vec<ServerAddr>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServersError {
    #[error("nats://host:port or tls://host:port is wanted, or several with commas between them")]
    Malformed,
    #[error("a password stands in the address: use a file, bus.credentials")]
    Password,
}

/// How to reach NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub servers: Servers,
    /// A credentials file as `nsc` writes it, or the seed of an nkey. Read at each connecting, so that it can be replaced.
    pub credentials: Option<PathBuf>,
    /// Whose certificates are believed; none: those that the machine believes.
    pub ca_file: Option<PathBuf>,
}

/// A connection that was made, and whether it is lost.
pub struct Connection {
    pub client: Client,
    pub lost: watch::Receiver<bool>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("bus.credentials {} can't be used", .path.display())]
    Credentials {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the certificates that are believed can't be read")]
    Certificates(#[source] io::Error),
    #[error("NATS can't be reached at {servers}")]
    Unreachable {
        servers: Servers,
        #[source]
        source: async_nats::ConnectError,
    },
}

impl Access {
    /// Connects once, as someone by this name.
    pub async fn connect(&self, name: &str) -> Result<Connection, ConnectError> {
        let (tell, lost) = watch::channel(false);
        let options = self
            .identified()
            .await?
            .name(format!("stele {name}"))
            .custom_inbox_prefix(format!("_INBOX_stele_{name}"))
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PING)
            .tls_client_config(self.tls().await.map_err(ConnectError::Certificates)?)
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    tell.send_replace(true);
                }
                async {}
            });
        let servers = self.servers.0.clone();
        match options.connect(servers).await {
            Ok(client) => Ok(Connection { client, lost }),
            Err(source) => Err(ConnectError::Unreachable { servers: self.servers.clone(), source }),
        }
    }

    async fn identified(&self) -> Result<ConnectOptions, ConnectError> {
        let Some(path) = &self.credentials else { return Ok(ConnectOptions::new()) };
        let failed = |source| ConnectError::Credentials { path: path.clone(), source };
        // Whoever would wait for the other end of a pipe could not be stopped any more.
        if !fs::metadata(path).await.map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let text = fs::read_to_string(path).await.map_err(failed)?;
        let seed = text.trim();
        if seed.starts_with('S') && !seed.contains(char::is_whitespace) {
            return Ok(ConnectOptions::with_nkey(seed.to_owned()));
        }
        ConnectOptions::with_credentials(&text).map_err(failed)
    }

    /// With the provider named: which one a process has depends on what else is compiled into it.
    async fn tls(&self) -> io::Result<ClientConfig> {
        let ca_file = self.ca_file.clone();
        let roots = spawn_blocking(move || roots(ca_file.as_deref())).await.map_err(io::Error::other)??;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }
}

fn roots(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::other(format!("there is no certificate in {}", path.display())));
    }
    Ok(roots)
}

impl Connection {
    /// Comes back when the connection is lost.
    pub async fn lost(&self) {
        // It fails only where the client is gone, and then the connection is too.
        _ = self.lost.clone().wait_for(|lost| *lost).await;
    }
}

impl FromStr for Servers {
    type Err = ServersError;

    fn from_str(text: &str) -> Result<Self, ServersError> {
        let server = |text: &str| {
            let known = text.starts_with("nats://") || text.starts_with("tls://");
            let server: ServerAddr = text.parse().ok().filter(|_| known).ok_or(ServersError::Malformed)?;
            if server.has_user_pass() || text.contains('@') {
                return Err(ServersError::Password);
            }
            if server.host().is_empty() { Err(ServersError::Malformed) } else { Ok(server) }
        };
        text.split(',').map(str::trim).map(server).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (open, close) = if server.host().contains(':') { ("[", "]") } else { ("", "") };
            write!(f, "{comma}{}://{open}{}{close}:{}", server.scheme(), server.host(), server.port())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_shown_with_their_ports() {
        for (text, shown) in [
            ("nats://localhost", "nats://localhost:4222"),
            ("tls://a.example:4223, tls://b.example", "tls://a.example:4223,tls://b.example:4222"),
            ("nats://[::1]:4222", "nats://[::1]:4222"),
        ] {
            let servers: Servers = text.parse().unwrap();
            assert_eq!(servers.to_string(), shown);
            assert_eq!(shown.parse::<Servers>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_list_of_servers_is_refused_and_so_is_a_password_in_it() {
        for text in
            ["", "localhost:4222", "http://localhost", "ws://localhost", "nats://", "nats://a,,nats://b"]
        {
            assert_eq!(text.parse::<Servers>(), Err(ServersError::Malformed), "{text:?}");
        }
        for text in ["nats://ada:secret@localhost", "nats://a,tls://token@b"] {
            assert_eq!(text.parse::<Servers>(), Err(ServersError::Password), "{text:?}");
        }
    }
}
