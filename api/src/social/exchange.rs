//! A code for tokens (RFC 6749, section 4.1.3), by the client's id and secret in the form; and the access token of whoever
//! brings one or the other.

use serde::Deserialize;

use super::{
    Code, Credential, ProviderConfig, ProviderError,
    outbound::{Call, Outbound, OutboundError},
};
use crate::form::Secret;

#[derive(Deserialize)]
pub(super) struct Exchanged {
    /// GitHub leaves it out, and says so with status 200.
    access_token: Option<String>,
    id_token: Option<String>,
}

pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) id: Option<Secret>,
}

/// What was brought where a provider gives out access tokens alone.
pub(super) async fn access_token(
    outbound: &Outbound,
    config: &ProviderConfig,
    credential: &Credential,
) -> Result<Secret, ProviderError> {
    match credential {
        Credential::AccessToken(token) => Ok(token.clone()),
        Credential::Code(code) => Ok(exchange(outbound, config, config.token_url(), code).await?.access),
        Credential::IdToken { .. } | Credential::Signing { .. } => {
            Err(ProviderError::Refused("this provider gives out none"))
        }
    }
}

pub(super) async fn exchange(
    outbound: &Outbound,
    config: &ProviderConfig,
    url: &str,
    code: &Code,
) -> Result<Tokens, ProviderError> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.code.as_str()),
        ("redirect_uri", &code.callback_url),
        ("client_id", &config.client_id),
        ("client_secret", config.client_secret.as_str()),
    ];
    form.extend(code.verifier.as_ref().map(|verifier| ("code_verifier", verifier.as_str())));
    let exchanged: Exchanged = match outbound.call(Call::post(url, &form)).await {
        Err(OutboundError::Refused(_)) => return Err(ProviderError::NotExchanged),
        outcome => outcome?,
    };
    let access = exchanged.access_token.filter(|token| !token.is_empty());
    let access = access.map(Secret::new).ok_or(ProviderError::NotExchanged)?;
    Ok(Tokens { access, id: exchanged.id_token.map(Secret::new) })
}
