//! Any provider that speaks OpenID Connect: found out about by discovery at the issuer in the settings. A bare access token
//! of one says nothing about whom it was issued for, and is refused.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use store::chain;
use tokio::{sync::Mutex, time::Instant};

use super::{
    Code, Credential, Identity, Provider, ProviderConfig, ProviderError,
    config::origin,
    exchange::{Shown, exchange},
    id_token::{Expected, Truth, judge},
    keys::Keys,
    outbound::{Call, Outbound, OutboundError},
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
    /// By the secret in a header, where it says nothing.
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether it always says who sends a browser back (RFC 9207, section 3).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Discovered {
    fn shown(&self) -> Shown {
        let in_form =
            self.token_endpoint_auth_methods_supported.iter().any(|method| method == "client_secret_post");
        if in_form { Shown::InForm } else { Shown::InHeader }
    }

    /// Whether it may have sent a browser back in this name (RFC 9207, section 2.4).
    fn may_send_as(&self, name: &str) -> bool {
        name == self.issuer || (name.is_empty() && !self.authorization_response_iss_parameter_supported)
    }
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: Truth,
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
            return Err(ProviderError::Misconfigured("the issuer calls itself otherwise"));
        }
        *found = Some((fresh.clone(), Instant::now()));
        Ok(fresh)
    }

    async fn by_id_token(&self, token: &Secret, nonce: Option<&str>) -> Result<Identity, ProviderError> {
        let discovered = self.discovered().await?;
        let issuers = [self.issuer.as_str()];
        let client_id = &self.config.client_id;
        let expected = Expected { issuers: &issuers, client_id, by_another: false, nonce };
        let source = (&self.outbound, discovered.jwks_uri.as_str());
        Ok(judge(token.as_str(), &expected, &self.keys, source).await?.into())
    }

    async fn by_code(&self, code: &Code) -> Result<Identity, ProviderError> {
        let discovered = self.discovered().await?;
        if code.sender.as_ref().is_some_and(|sender| !discovered.may_send_as(sender)) {
            return Err(ProviderError::Refused("it was not the issuer who sent the browser back"));
        }
        let url = self.config.token_url.as_ref().unwrap_or(&discovered.token_endpoint);
        let tokens = exchange(&self.outbound, &self.config, (url, discovered.shown()), code).await?;
        let id = tokens.id.ok_or(ProviderError::Refused("no ID token came with the access token"))?;
        let identity = self.by_id_token(&id, code.nonce.as_deref()).await?;
        match &discovered.userinfo_endpoint {
            Some(url) if identity.email.is_none() => self.with_address(identity, url, &tokens.access).await,
            Some(_) | None => Ok(identity),
        }
    }

    /// Some tell of addresses only when they are asked. Without an answer he is who he is all the same.
    async fn with_address(
        &self,
        identity: Identity,
        url: &str,
        token: &Secret,
    ) -> Result<Identity, ProviderError> {
        let told: UserInfo = match self.outbound.call(Call::get(url).with_bearer(token)).await {
            Err(
                error @ (OutboundError::Refused(_)
                | OutboundError::ForeignHost(_)
                | OutboundError::Nonsense { .. }
                | OutboundError::TooLong),
            ) => {
                let provider = &self.config.name;
                tracing::warn!(provider, error = chain(&error), "a provider of identities tells no address");
                return Ok(identity);
            }
            outcome => outcome?,
        };
        if told.sub != identity.subject {
            return Err(ProviderError::Refused("it is two people's"));
        }
        Ok(Identity { email: told.email, email_verified: told.email_verified.into(), ..identity })
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
        let url = self.discovered().await?.authorization_endpoint;
        let is_page = origin(&url).is_some() && !url.contains('#');
        let is_as_safe = url.starts_with("https://") || self.issuer.starts_with("http://");
        if is_page && is_as_safe {
            return Ok(url);
        }
        Err(ProviderError::Misconfigured("what the issuer names is no page for browsers"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{Kind, loopback::Loopback},
        *,
    };

    /// What is known of `issuer`, below the address of this provider.
    fn openid(provider: &Loopback, issuer: &str) -> OpenId {
        let issuer = provider.url(issuer);
        let config = provider.config(Kind::OpenId { issuer: issuer.clone() });
        OpenId::new(issuer, config, provider.outbound())
    }

    /// One that calls itself by this name, and says nothing of how it takes secrets.
    async fn calling_itself(issuer: &'static str) -> Loopback {
        Loopback::start(move |request| {
            let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
            let body = json!({
                "issuer": format!("http://{host}{issuer}"),
                "authorization_endpoint": "", "token_endpoint": "", "jwks_uri": "",
            });
            (200, body.to_string())
        })
        .await
    }

    #[tokio::test]
    async fn an_issuer_is_believed_under_the_name_in_the_settings_alone_with_its_slash_or_without() {
        for (settings, calls_itself, is_it) in
            [("", "", true), ("/tenant/", "/tenant/", true), ("/", "", false), ("", "/", false)]
        {
            let provider = calling_itself(calls_itself).await;
            match openid(&provider, settings).discovered().await {
                Ok(found) => {
                    assert!(is_it, "{settings} is {calls_itself}");
                    assert_eq!(found.shown(), Shown::InHeader);
                }
                Err(error) => assert!(!is_it && matches!(error, ProviderError::Misconfigured(_)), "{error}"),
            }
            let path = format!("{}/.well-known/openid-configuration", settings.trim_end_matches('/'));
            assert!(provider.asked().concat().starts_with(&format!("GET {path} HTTP")));
        }
    }

    #[tokio::test]
    async fn whose_address_the_provider_does_not_tell_is_himself_all_the_same() {
        let ada = Identity { subject: "ada".to_owned(), ..Identity::default() };
        let token = Secret::new("t0ken".to_owned());
        for status in [401, 403, 404] {
            let provider = Loopback::start(move |_| (status, String::new())).await;
            let (openid, url) = (openid(&provider, ""), provider.url("/userinfo"));
            assert_eq!(openid.with_address(ada.clone(), &url, &token).await.unwrap(), ada);
            let foreign = Loopback::silent().await;
            let told = openid.with_address(ada.clone(), &foreign.url("/userinfo"), &token).await;
            assert_eq!(told.unwrap(), ada);
            assert!(foreign.asked().is_empty());
        }
        let provider = Loopback::start(|_| (500, String::new())).await;
        let told = openid(&provider, "").with_address(ada, &provider.url("/userinfo"), &token).await;
        assert!(matches!(told, Err(ProviderError::Away(_))));
    }

    #[tokio::test]
    async fn an_address_is_verified_by_a_truth_or_by_its_word() {
        for (truth, verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("no"), false),
            (json!(null), false),
        ] {
            let body = json!({ "sub": "ada", "email": "ada@example.com", "email_verified": truth });
            let provider = Loopback::start(move |_| (200, body.to_string())).await;
            let ada = Identity { subject: "ada".to_owned(), ..Identity::default() };
            let token = Secret::new("t0ken".to_owned());
            let told =
                openid(&provider, "").with_address(ada, &provider.url("/userinfo"), &token).await.unwrap();
            assert_eq!((told.email.as_deref(), told.email_verified), (Some("ada@example.com"), verified));
        }
    }
}
