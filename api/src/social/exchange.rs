//! A code for tokens (RFC 6749, section 4.1.3), by the client's id and secret where the provider wants to see them; and the
//! access token of whoever brings one or the other.

use data_encoding::BASE64;
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
    error: Option<String>,
}

/// Where a client shows its secret (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    InForm,
    InHeader,
}

#[derive(Debug, thiserror::Error)]
pub enum NotExchanged {
    #[error("the provider refuses to exchange it")]
    Refused(#[source] OutboundError),
    #[error("the provider does not know the client, or not by this secret")]
    UnknownClient,
    #[error("no access token came")]
    NoToken,
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
        Credential::Code(code) => {
            Ok(exchange(outbound, config, (config.token_url()?, Shown::InForm), code).await?.access)
        }
        Credential::IdToken { .. } | Credential::Signing { .. } => {
            Err(ProviderError::Refused("this provider gives out none"))
        }
    }
}

/// `url` is where the provider takes codes, and how.
pub(super) async fn exchange(
    outbound: &Outbound,
    config: &ProviderConfig,
    (url, shown): (&str, Shown),
    code: &Code,
) -> Result<Tokens, ProviderError> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.code.as_str()),
        ("redirect_uri", &code.callback_url),
    ];
    form.extend(code.verifier.as_ref().map(|verifier| ("code_verifier", verifier.as_str())));
    let exchanged: Exchanged = match outbound.call(authenticated(config, (url, shown), form)).await {
        Err(error @ OutboundError::Refused(_)) => {
            return Err(ProviderError::NotExchanged(NotExchanged::Refused(error)));
        }
        outcome => outcome?,
    };
    let access = exchanged.access_token.filter(|token| !token.is_empty());
    let access = access.map(Secret::new).ok_or_else(|| {
        let why = exchanged.error.as_deref();
        ProviderError::NotExchanged(match why {
            Some("incorrect_client_credentials" | "invalid_client") => NotExchanged::UnknownClient,
            _ => NotExchanged::NoToken,
        })
    })?;
    Ok(Tokens { access, id: exchanged.id_token.map(Secret::new) })
}

/// One without a secret is a public client, and says who it is alone.
fn authenticated<'a>(
    config: &'a ProviderConfig,
    (url, shown): (&'a str, Shown),
    mut form: Vec<(&'a str, &'a str)>,
) -> Call<'a> {
    let (id, secret) = (config.client_id.as_str(), config.client_secret.as_str());
    match shown {
        Shown::InHeader if !secret.is_empty() => {
            let pair = format!("{}:{}", encoded(id), encoded(secret));
            Call::post(url, &form).with_authorization(format!("Basic {}", BASE64.encode(pair.as_bytes())))
        }
        Shown::InHeader | Shown::InForm => {
            form.push(("client_id", id));
            form.extend(Some(("client_secret", secret)).filter(|_| !secret.is_empty()));
            Call::post(url, &form)
        }
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use store::chain;

    use super::{
        super::{Kind, loopback::Loopback},
        *,
    };

    /// What became of a code, and what the provider was asked.
    async fn exchanged(
        secret: &str,
        shown: Shown,
        answer: (u16, &'static str),
    ) -> (Result<Tokens, ProviderError>, String) {
        let provider = Loopback::start(move |_| (answer.0, answer.1.to_owned())).await;
        let code = Code {
            code: Secret::new("c0de".to_owned()),
            callback_url: "https://app.test/in".to_owned(),
            verifier: None,
            nonce: None,
            sender: None,
        };
        let url = provider.url("/token");
        let config = ProviderConfig {
            client_id: "an id".to_owned(),
            client_secret: Secret::new(secret.to_owned()),
            ..provider.config(Kind::GitHub)
        };
        let outcome = exchange(&provider.outbound(), &config, (&url, shown), &code).await;
        (outcome, provider.asked().concat())
    }

    const TOKEN: (u16, &str) = (200, r#"{"access_token":"t0ken"}"#);

    #[tokio::test]
    async fn a_client_shows_its_secret_where_the_provider_wants_to_see_it() {
        let (_, asked) = exchanged("s:e%c", Shown::InForm, TOKEN).await;
        assert!(asked.ends_with("&client_id=an+id&client_secret=s%3Ae%25c"), "{asked}");
        assert!(!asked.contains("authorization:"), "{asked}");
        let (_, asked) = exchanged("s:e%c", Shown::InHeader, TOKEN).await;
        let pair = BASE64.encode(b"an+id:s%3Ae%25c");
        assert!(asked.contains(&format!("authorization: Basic {pair}\r\n")), "{asked}");
        assert!(!asked.contains("client_secret"), "{asked}");
    }

    #[tokio::test]
    async fn a_public_client_says_who_it_is_and_shows_no_secret() {
        for shown in [Shown::InForm, Shown::InHeader] {
            let (_, asked) = exchanged("", shown, TOKEN).await;
            assert!(asked.ends_with("&client_id=an+id"), "{asked}");
            assert!(!asked.contains("authorization:"), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_code_that_is_not_exchanged_says_why_and_repeats_nothing() {
        let wrong = r#"{"error":"invalid_client","error_description":"s3cret"}"#;
        for (answer, told) in [
            ((401, wrong), "it refuses with status 401 Unauthorized"),
            ((200, wrong), "the provider does not know the client, or not by this secret"),
            ((200, r#"{"error":"bad_verification_code"}"#), "no access token came"),
        ] {
            let (outcome, _) = exchanged("s3cret", Shown::InForm, answer).await;
            let error = outcome.err().expect("no token came");
            let line = chain(&error);
            assert!(line.contains(told) && !line.contains("s3cret"), "{line}");
        }
    }
}
