//! Hands mails to an SMTP server, over connections that are kept for the next mail. Bounds the time that one may take, and tells
//! what is over for good from what may be tried again; when that is done is not for here.

mod bounded;
mod conversation;
mod fault;
#[cfg(test)]
mod tests;
mod url;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, CertificateStore, TlsParameters},
    extension::ClientId,
};
use tokio::time::{Instant, timeout};

use super::{DeliverError, Outbox};
use crate::letter::Letter;
use conversation::Conversation;
use fault::Fault;
pub use url::{Url, UrlError};

/// Soon at first, as the server may only have been restarted; then as one does who was told to come back later.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];
/// How long one mail may take, from the name of the server to its last word.
const LONGEST: Duration = Duration::from_mins(1);
/// For how long a connection is kept without a mail.
const IDLE: Duration = Duration::from_secs(30);
/// How long a kept connection may take to answer before it is given up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// How the server is reached.
pub struct Site {
    pub url: Url,
    /// Whether mails and the password may go unencrypted, where the URL does not ask for TLS from the start.
    pub allow_plaintext: bool,
    /// Certificates (PEM) of those who vouch for the server, in place of the public authorities.
    pub authorities: Option<Vec<u8>>,
    /// The domain that this side introduces itself by.
    pub domain: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("the file of authorities holds no certificate in PEM that can be read")]
    Authorities,
    #[error("TLS can't be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// How a conversation begins.
struct Terms {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    hello: ClientId,
}

enum Security {
    None,
    StartTls(TlsParameters),
    Wrapped(TlsParameters),
}

/// An SMTP server, and the connections to it that wait for their next mail.
pub struct SmtpOutbox {
    terms: Terms,
    kept: Mutex<Vec<(Conversation, Instant)>>,
}

impl SmtpOutbox {
    pub fn new(site: Site) -> Result<Self, SiteError> {
        let Url { wrapped, host, port, login } = site.url;
        let tls = || trusting(&host, site.authorities.as_deref());
        let security = match (wrapped, site.allow_plaintext) {
            (true, _) => Security::Wrapped(tls()?),
            (false, true) => Security::None,
            (false, false) => Security::StartTls(tls()?),
        };
        let login = login.map(|login| Credentials::new(login.user, login.password));
        let terms = Terms { host, port, security, login, hello: ClientId::Domain(site.domain) };
        Ok(Self { terms, kept: Mutex::default() })
    }

    /// Whether the server can be reached, is who it should be and takes the password, as far as it says without a mail.
    pub async fn check(&self) -> Result<(), DeliverError> {
        let checked = timeout(LONGEST, async {
            Conversation::begin(&self.terms).await?.end().await;
            Ok(())
        });
        checked.await.unwrap_or(Err(Fault::Slow)).map_err(DeliverError::from)
    }

    /// A connection is kept only after a mail that went well: one that was given up in the middle, by the time limit too, would
    /// take the next mail's words for the rest of its own.
    async fn hand_over(&self, letter: &Letter) -> Result<(), Fault> {
        let mut conversation = match self.kept_alive().await {
            Some(kept) => kept,
            None => Conversation::begin(&self.terms).await?,
        };
        match conversation.hand_over(letter).await {
            Ok(()) => {
                self.kept().push((conversation, Instant::now()));
                Ok(())
            }
            Err(fault) => {
                if fault.is_answer() {
                    conversation.end().await;
                }
                Err(fault)
            }
        }
    }

    async fn kept_alive(&self) -> Option<Conversation> {
        self.kept().retain(|(_, since)| since.elapsed() < IDLE);
        loop {
            let (mut conversation, _) = self.kept().pop()?;
            if timeout(SIGN_OF_LIFE, conversation.is_alive()).await == Ok(true) {
                return Some(conversation);
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Conversation, Instant)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for SmtpOutbox {
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliverError> {
        let handed_over = timeout(LONGEST, self.hand_over(letter)).await;
        handed_over.unwrap_or(Err(Fault::Slow)).map_err(DeliverError::from)
    }

    fn pauses(&self) -> &[Duration] {
        &PAUSES
    }
}

/// TLS 1.2 or newer, for a server that shows a certificate of its own name. The provider of cryptography is the one that is
/// compiled in; none is set for the process.
fn trusting(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, SiteError> {
    let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(pem) = authorities {
        let found = Certificate::from_pem(pem).map_err(|_| SiteError::Authorities)?;
        if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(SiteError::Authorities);
        }
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(found);
    }
    tls.build_rustls().map_err(SiteError::Tls)
}
