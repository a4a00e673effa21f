//! GitHub: asks it, as our application, whether a token is one of ours, then for the person and his main address.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use super::{
    Credential, Identity, Provider, ProviderConfig, ProviderError,
    exchange::access_token,
    outbound::{Call, Outbound, OutboundError},
    parted,
};
use crate::form::Secret;

pub(super) struct GitHub {
    config: ProviderConfig,
    outbound: Outbound,
}

#[derive(Deserialize)]
struct Authorization {
    app: App,
    user: Option<Numbered>,
}

#[derive(Deserialize)]
struct App {
    client_id: String,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct Profile {
    id: u64,
    login: String,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(super) const fn new(config: ProviderConfig, outbound: Outbound) -> Self {
        Self { config, outbound }
    }

    async fn by_access_token(&self, token: &Secret) -> Result<Identity, ProviderError> {
        let owner = self.owner(token).await?;
        let url = self.config.api("/user");
        let profile: Profile = self.outbound.call(Call::get(&url).with_bearer(token)).await?;
        if owner.is_some_and(|owner| owner.id != profile.id) {
            return Err(ProviderError::Refused("it is two people's"));
        }
        let address = self.address(token).await?;
        let (first_name, last_name) = parted(profile.name.as_deref());
        Ok(Identity {
            subject: profile.id.to_string(),
            email_verified: address.as_ref().is_some_and(|address| address.verified),
            email: address.map(|address| address.email).or(profile.email),
            username: Some(profile.login),
            first_name,
            last_name,
        })
    }

    /// Whose token of our application it is; GitHub knows those of others no better than none.
    async fn owner(&self, token: &Secret) -> Result<Option<Numbered>, ProviderError> {
        let ProviderConfig { client_id, client_secret, .. } = &self.config;
        let url = self.config.api(&format!("/applications/{client_id}/token"));
        let basic = STANDARD.encode(format!("{client_id}:{}", client_secret.as_str()));
        let call = Call::post_json(&url, &json!({ "access_token": token.as_str() }));
        let found: Authorization =
            self.outbound.call(call.with_authorization(format!("Basic {basic}"))).await?;
        if found.app.client_id != *client_id {
            return Err(ProviderError::Refused("it is another application's"));
        }
        Ok(found.user)
    }

    /// The main address; none where the token may not ask for it.
    async fn address(&self, token: &Secret) -> Result<Option<Address>, ProviderError> {
        let url = self.config.api("/user/emails");
        let addresses: Vec<Address> = match self.outbound.call(Call::get(&url).with_bearer(token)).await {
            Err(OutboundError::Refused(_)) => vec![],
            outcome => outcome?,
        };
        Ok(addresses.into_iter().find(|address| address.primary))
    }
}

#[async_trait]
impl Provider for GitHub {
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError> {
        let token = access_token(&self.outbound, &self.config, credential).await?;
        self.by_access_token(&token).await
    }
}
