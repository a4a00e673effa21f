//! Providers of identities: turns what a client brought from one into a person that is known there. One file for each
//! provider behind the port `Provider`; what all of them share is how they are called (`outbound`), how a code becomes
//! a token (`exchange`) and how an ID token is judged (`id_token`). Knows no user, no event and no endpoint.

pub mod config;
mod exchange;
mod facebook;
pub mod flow;
mod github;
mod google;
pub(crate) mod handoff;
mod id_token;
pub(crate) mod intent;
mod keys;
#[cfg(test)]
mod loopback;
mod openid;
mod outbound;
mod signature;
mod twitter;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use rustls::ClientConfig;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    command::Person,
    form::{Secret, email::is_email},
};
pub use config::{Kind, ProviderConfig};
pub use exchange::NotExchanged;
pub use outbound::TlsError;
use outbound::{Outbound, OutboundError};

/// How long asking a provider who somebody is may take, all calls together.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many may ask one provider at once; those of others never wait for them.
const SEATS: usize = 32;
/// The longest first or last name that is kept, in letters.
const LONGEST_NAME: usize = 150;
/// In bytes (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// What a client brought from a provider.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A bearer token, which may have been issued for anybody.
    AccessToken(Secret),
    Code(Code),
    IdToken {
        token: Secret,
        nonce: Option<String>,
    },
    /// A token of OAuth 1.0a and the secret that it signs with.
    Signing {
        token: Secret,
        secret: Secret,
    },
}

/// An authorization code, and what it is bound to.
#[derive(Debug, Clone)]
pub struct Code {
    pub code: Secret,
    /// Where the provider sent it: one of those in the settings.
    pub callback_url: String,
    /// The verifier of PKCE (RFC 7636), where a challenge was sent along.
    pub verifier: Option<Secret>,
    pub nonce: Option<String>,
    /// The `iss` that a browser came back with (RFC 9207), empty if it had none; none where no browser was sent from here.
    pub sender: Option<String>,
}

/// What a provider says of somebody, before it is asked how far it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// How it calls him, for good.
    pub subject: String,
    pub email: Option<String>,
    /// Whether it says that it has verified the address.
    pub email_verified: bool,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
}

/// Whoever can say who somebody is.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Who brought this; refused unless it was issued for us.
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError>;

    /// Where a browser is sent to log in, if that is not set but found out.
    async fn found_authorization_url(&self) -> Result<String, ProviderError> {
        Err(ProviderError::Misconfigured("nothing says where browsers log in"))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the token is not good, or not for us: {0}")]
    Refused(&'static str),
    #[error("the code, or the client that shows it, is not good")]
    NotExchanged(#[source] NotExchanged),
    /// Nothing is wrong with what was brought.
    #[error("the provider can't be asked now")]
    Away(#[source] OutboundError),
    #[error("too many ask this provider")]
    Busy,
    #[error("the provider takes too long")]
    Slow,
    /// The operator's to mend, or the provider's.
    #[error("the settings and the provider do not fit: {0}")]
    Misconfigured(&'static str),
}

impl From<OutboundError> for ProviderError {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Refused(_) => Self::Refused("the provider does not know it"),
            error => Self::Away(error),
        }
    }
}

/// One provider of the settings, ready to be asked.
pub struct Site {
    pub config: ProviderConfig,
    provider: Box<dyn Provider>,
    seats: Semaphore,
}

/// The providers that are on, by name.
#[derive(Default)]
pub struct Providers(BTreeMap<String, Arc<Site>>);

impl Providers {
    /// All of these; fails where no certificates can be judged.
    pub fn new(configs: Vec<ProviderConfig>) -> Result<Self, TlsError> {
        if configs.is_empty() {
            return Ok(Self::default());
        }
        let tls = outbound::tls()?;
        let sites =
            configs.into_iter().map(|config| (config.name.clone(), Arc::new(Site::new(config, &tls))));
        Ok(Self(sites.collect()))
    }

    /// The one of this name, if it is on.
    pub fn get(&self, name: &str) -> Option<&Arc<Site>> {
        self.0.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.0.values()
    }

    /// What those that are on are called.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Site {
    fn new(config: ProviderConfig, tls: &ClientConfig) -> Self {
        let outbound = Outbound::new(config.origins(), tls.clone());
        let own = config.clone();
        let provider: Box<dyn Provider> = match &config.kind {
            Kind::Facebook => Box::new(facebook::Facebook::new(own, outbound)),
            Kind::Google => Box::new(google::Google::new(own, outbound)),
            Kind::GitHub => Box::new(github::GitHub::new(own, outbound)),
            Kind::Twitter => Box::new(twitter::Twitter::new(own, outbound)),
            Kind::OpenId { issuer } => Box::new(openid::OpenId::new(issuer.clone(), own, outbound)),
        };
        Self { config, provider, seats: Semaphore::new(SEATS) }
    }

    /// Who brought this. His address counts as verified only if the provider says so and the settings trust it.
    pub async fn identify(&self, credential: &Credential) -> Result<Person, ProviderError> {
        let identity = self.patiently(self.provider.identify(credential)).await?;
        if identity.subject.is_empty() || identity.subject.len() > LONGEST_SUBJECT {
            return Err(ProviderError::Refused("it is nobody's"));
        }
        let email = identity.email.filter(|email| is_email(email));
        Ok(Person {
            provider: self.config.name.clone(),
            subject: identity.subject,
            email_verified: identity.email_verified && self.config.trust_email && email.is_some(),
            email,
            username: identity.username.filter(|name| name.chars().count() <= LONGEST_NAME),
            first_name: shortened(&identity.first_name),
            last_name: shortened(&identity.last_name),
        })
    }

    /// Where a browser is sent to log in.
    pub async fn authorization_url(&self) -> Result<String, ProviderError> {
        match &self.config.auth_url {
            Some(url) => Ok(url.clone()),
            None => self.patiently(self.provider.found_authorization_url()).await,
        }
    }

    async fn patiently<T>(
        &self,
        asked: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let _seat = self.seats.try_acquire().map_err(|_| ProviderError::Busy)?;
        timeout(PATIENCE, asked).await.unwrap_or(Err(ProviderError::Slow))
    }
}

fn shortened(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}

/// First and last name of a name in one piece, as the reference parts them.
fn parted(name: Option<&str>) -> (String, String) {
    let name = name.unwrap_or_default();
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    (first.to_owned(), last.to_owned())
}
