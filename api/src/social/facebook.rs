//! Facebook: asks its Graph whether a token was issued for our application, then whose it is. What it says of addresses it
//! has not verified.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::{
    Credential, Identity, Provider, ProviderConfig, ProviderError,
    exchange::access_token,
    outbound::{Call, Outbound},
    parted,
};
use crate::form::Secret;

pub(super) struct Facebook {
    config: ProviderConfig,
    outbound: Outbound,
}

#[derive(Deserialize)]
struct Inspected {
    data: Inspection,
}

#[derive(Deserialize)]
struct Inspection {
    #[serde(default)]
    is_valid: bool,
    #[serde(default)]
    app_id: String,
    #[serde(default)]
    user_id: String,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
}

impl Facebook {
    pub(super) const fn new(config: ProviderConfig, outbound: Outbound) -> Self {
        Self { config, outbound }
    }

    async fn by_access_token(&self, token: &Secret) -> Result<Identity, ProviderError> {
        let Self { config, outbound } = self;
        let app = format!("{}|{}", config.client_id, config.client_secret.as_str());
        let query = query(&[("input_token", token.as_str()), ("access_token", &app)]);
        let url = config.api(&format!("/debug_token?{query}"));
        let Inspected { data } = outbound.call(Call::get(&url)).await?;
        if !data.is_valid || data.app_id != config.client_id {
            return Err(ProviderError::Refused("it is another application's"));
        }
        let profile = self.profile(token).await?;
        if profile.id != data.user_id {
            return Err(ProviderError::Refused("it is two people's"));
        }
        let (first, last) = parted(profile.name.as_deref());
        Ok(Identity {
            subject: profile.id,
            email: profile.email,
            email_verified: false,
            username: None,
            first_name: profile.first_name.unwrap_or(first),
            last_name: profile.last_name.unwrap_or(last),
        })
    }

    async fn profile(&self, token: &Secret) -> Result<Profile, ProviderError> {
        let proof = proof(&self.config.client_secret, token)?;
        let fields = "id,email,name,first_name,last_name";
        let query =
            query(&[("fields", fields), ("access_token", token.as_str()), ("appsecret_proof", &proof)]);
        Ok(self.outbound.call(Call::get(&self.config.api(&format!("/me?{query}")))).await?)
    }
}

#[async_trait]
impl Provider for Facebook {
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError> {
        let token = access_token(&self.outbound, &self.config, credential).await?;
        self.by_access_token(&token).await
    }
}

/// Shows that whoever asks knows the application's secret.
fn proof(secret: &Secret, token: &Secret) -> Result<String, ProviderError> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_str().as_bytes());
    let mac = mac.map_err(|_| ProviderError::Misconfigured("the application's secret is no key"))?;
    Ok(HEXLOWER.encode(&mac.chain_update(token.as_str()).finalize().into_bytes()))
}

fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
