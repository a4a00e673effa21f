//! Twitter, by its API 1.1: a request that is signed with our secret and the token's is answered only if the token is one of
//! ours. An address that it tells of it has verified.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use store::{clock, random};

use super::{
    Credential, Identity, Provider, ProviderConfig, ProviderError,
    outbound::{Call, Outbound},
    parted,
    signature::{Signer, Stamp},
};
use crate::form::Secret;

pub(super) struct Twitter {
    config: ProviderConfig,
    outbound: Outbound,
}

#[derive(Deserialize)]
struct Profile {
    id: u64,
    screen_name: String,
    name: Option<String>,
    email: Option<String>,
}

impl Twitter {
    pub(super) const fn new(config: ProviderConfig, outbound: Outbound) -> Self {
        Self { config, outbound }
    }

    async fn by_signature(&self, token: &Secret, secret: &Secret) -> Result<Identity, ProviderError> {
        let ProviderConfig { client_id, client_secret, .. } = &self.config;
        let signer = Signer {
            consumer: (client_id, client_secret.as_str()),
            token: (token.as_str(), secret.as_str()),
        };
        let url = self.config.api("/1.1/account/verify_credentials.json");
        let query = [("include_email", "true")];
        let stamp = Stamp { nonce: HEXLOWER.encode(&random::bytes::<16>()), seconds: clock::now().seconds() };
        let header = signer
            .authorization(("GET", &url), &query, &stamp)
            .ok_or(ProviderError::Refused("nothing can be signed with it"))?;
        let asked = format!("{url}?include_email=true");
        let profile: Profile = self.outbound.call(Call::get(&asked).with_authorization(header)).await?;
        let (first_name, last_name) = parted(profile.name.as_deref());
        let email = profile.email.filter(|email| !email.is_empty());
        Ok(Identity {
            subject: profile.id.to_string(),
            email_verified: email.is_some(),
            email,
            username: Some(profile.screen_name),
            first_name,
            last_name,
        })
    }
}

#[async_trait]
impl Provider for Twitter {
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError> {
        match credential {
            Credential::Signing { token, secret } => self.by_signature(token, secret).await,
            Credential::AccessToken(_) | Credential::Code(_) | Credential::IdToken { .. } => {
                Err(ProviderError::Refused("nothing is signed with it"))
            }
        }
    }
}
