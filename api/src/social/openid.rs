//! Any provider that speaks OpenID Connect: found out about by discovery at the issuer in the settings. A bare access token
//! of one says nothing about whom it was issued for, and is refused.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Code, Credential, Identity, Provider, ProviderConfig, ProviderError,
    exchange::exchange,
    id_token::{Expected, judge},
    keys::Keys,
    outbound::{Call, Outbound},
};
use crate::form::Secret;

/// How long what discovery told is gone by.
const LIFE: Duration = Duration::from_hours(1);

pub(super) struct OpenId {
    issuer: String,
    config: ProviderConfig,
    outbound: Outbound,
    keys: Keys,
    found: Mutex<Option<(Discovered, Instant)>>,
}

/// What an issuer says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

impl OpenId {
    pub(super) fn new(issuer: String, config: ProviderConfig, outbound: Outbound) -> Self {
        Self { issuer, config, outbound, keys: Keys::default(), found: Mutex::default() }
    }

    async fn discovered(&self) -> Result<Discovered, ProviderError> {
        let mut found = self.found.lock().await;
        if let Some((known, at)) = &*found
            && at.elapsed() < LIFE
        {
            return Ok(known.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let fresh: Discovered = self.outbound.call(Call::get(&url)).await.map_err(ProviderError::Away)?;
        if fresh.issuer != self.issuer {
            return Err(ProviderError::Refused("the issuer says that it is another one"));
        }
        *found = Some((fresh.clone(), Instant::now()));
        Ok(fresh)
    }

    async fn by_id_token(&self, token: &Secret, nonce: Option<&str>) -> Result<Identity, ProviderError> {
        let discovered = self.discovered().await?;
        let issuers = [self.issuer.as_str()];
        let expected = Expected { issuers: &issuers, client_id: &self.config.client_id, nonce };
        let source = (&self.outbound, discovered.jwks_uri.as_str());
        Ok(judge(token.as_str(), &expected, &self.keys, source).await?.into())
    }

    async fn by_code(&self, code: &Code) -> Result<Identity, ProviderError> {
        let discovered = self.discovered().await?;
        let url = self.config.token_url.as_ref().unwrap_or(&discovered.token_endpoint);
        let tokens = exchange(&self.outbound, &self.config, url, code).await?;
        let id = tokens.id.ok_or(ProviderError::Refused("no ID token came with the access token"))?;
        let identity = self.by_id_token(&id, code.nonce.as_deref()).await?;
        match &discovered.userinfo_endpoint {
            Some(url) if identity.email.is_none() => self.with_address(identity, url, &tokens.access).await,
            Some(_) | None => Ok(identity),
        }
    }

    /// Some tell of addresses only when they are asked.
    async fn with_address(
        &self,
        identity: Identity,
        url: &str,
        token: &Secret,
    ) -> Result<Identity, ProviderError> {
        let told: UserInfo = self.outbound.call(Call::get(url).with_bearer(token)).await?;
        if told.sub != identity.subject {
            return Err(ProviderError::Refused("it is two people's"));
        }
        Ok(Identity { email: told.email, email_verified: told.email_verified, ..identity })
    }
}

#[async_trait]
impl Provider for OpenId {
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError> {
        match credential {
            Credential::Code(code) => self.by_code(code).await,
            Credential::IdToken { token, nonce } => self.by_id_token(token, nonce.as_deref()).await,
            Credential::AccessToken(_) | Credential::Signing { .. } => {
                Err(ProviderError::Refused("nobody says for whom it was issued"))
            }
        }
    }

    async fn found_authorization_url(&self) -> Result<String, ProviderError> {
        Ok(self.discovered().await?.authorization_endpoint)
    }
}
