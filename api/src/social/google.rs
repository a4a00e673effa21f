//! Google: takes its ID tokens, and of access tokens those that it says were issued for our client.

use async_trait::async_trait;
use serde::Deserialize;

use super::{
    Credential, Identity, Provider, ProviderConfig, ProviderError,
    exchange::{Shown, exchange},
    id_token::{Expected, Truth, judge},
    keys::Keys,
    outbound::{Call, Outbound},
    parted,
};
use crate::form::Secret;

/// What Google calls itself, with and without its scheme.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

pub(super) struct Google {
    config: ProviderConfig,
    outbound: Outbound,
    keys: Keys,
}

#[derive(Deserialize)]
struct TokenInfo {
    aud: String,
    sub: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: Truth,
    given_name: Option<String>,
    family_name: Option<String>,
    name: Option<String>,
}

impl Google {
    pub(super) fn new(config: ProviderConfig, outbound: Outbound) -> Self {
        Self { config, outbound, keys: Keys::default() }
    }

    async fn by_access_token(&self, token: &Secret) -> Result<Identity, ProviderError> {
        let url = self.config.api("/oauth2/v3/tokeninfo");
        // In the body, so that it stands in no log of addresses.
        let info: TokenInfo =
            self.outbound.call(Call::post(&url, &[("access_token", token.as_str())])).await?;
        if info.aud != self.config.client_id {
            return Err(ProviderError::Refused("it is another client's"));
        }
        let url = self.config.api("/oauth2/v3/userinfo");
        let user: UserInfo = self.outbound.call(Call::get(&url).with_bearer(token)).await?;
        if info.sub.is_some_and(|sub| sub != user.sub) {
            return Err(ProviderError::Refused("it is two people's"));
        }
        let (first, last) = parted(user.name.as_deref());
        Ok(Identity {
            subject: user.sub,
            email: user.email,
            email_verified: user.email_verified.into(),
            username: None,
            first_name: user.given_name.unwrap_or(first),
            last_name: user.family_name.unwrap_or(last),
        })
    }

    async fn by_id_token(&self, token: &Secret, nonce: Option<&str>) -> Result<Identity, ProviderError> {
        let client_id = &self.config.client_id;
        // An app on a phone asks for tokens for its server under an id of its own.
        let expected = Expected { issuers: &ISSUERS, client_id, by_another: true, nonce };
        let url = self.config.api("/oauth2/v3/certs");
        let claims = judge(token.as_str(), &expected, &self.keys, (&self.outbound, &url)).await?;
        // Google has no usernames.
        Ok(Identity { username: None, ..claims.into() })
    }
}

#[async_trait]
impl Provider for Google {
    async fn identify(&self, credential: &Credential) -> Result<Identity, ProviderError> {
        match credential {
            Credential::AccessToken(token) => self.by_access_token(token).await,
            Credential::IdToken { token, nonce } => self.by_id_token(token, nonce.as_deref()).await,
            Credential::Code(code) => {
                let tokens =
                    exchange(&self.outbound, &self.config, (self.config.token_url()?, Shown::InForm), code)
                        .await?;
                match &tokens.id {
                    Some(id) => self.by_id_token(id, code.nonce.as_deref()).await,
                    None if code.nonce.is_some() => {
                        Err(ProviderError::Refused("no ID token shows the nonce"))
                    }
                    None => self.by_access_token(&tokens.access).await,
                }
            }
            Credential::Signing { .. } => Err(ProviderError::Refused("Google gives out none")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Kind, loopback::Loopback},
        *,
    };

    #[tokio::test]
    async fn an_address_is_verified_by_a_truth_or_by_its_word() {
        let told = r#"{"aud":"stele","sub":"ada","email":"ada@example.com","email_verified":"true"}"#;
        let provider = Loopback::start(move |_| (200, told.to_owned())).await;
        let google = Google::new(provider.config(Kind::Google), provider.outbound());
        assert!(google.by_access_token(&Secret::new("t0ken".to_owned())).await.unwrap().email_verified);
    }
}
