//! What the settings say of a provider, checked already.

use super::ProviderError;
use crate::form::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Facebook,
    Google,
    GitHub,
    Twitter,
    /// Any that speaks OpenID Connect; its issuer is believed from here alone.
    OpenId {
        issuer: String,
    },
}

impl Kind {
    /// Whether it answers with an ID token, which repeats the nonce.
    pub(crate) const fn speaks_openid(&self) -> bool {
        matches!(self, Self::Google | Self::OpenId { .. })
    }
}

#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// By which events, lists and paths call it.
    pub name: String,
    pub kind: Kind,
    /// Its name for this instance.
    pub client_id: String,
    pub client_secret: Secret,
    /// What browsers ask for; a client that talks to the provider itself asks for what it likes.
    pub scopes: Vec<String>,
    /// Where codes may have been sent; the first counts where a client names none.
    pub callback_urls: Vec<String>,
    /// Whether an address is verified because this provider says so.
    pub trust_email: bool,
    /// Without a slash at the end; what is none is found out by discovery.
    pub api_url: Option<String>,
    pub auth_url: Option<String>,
    pub token_url: Option<String>,
}

impl ProviderConfig {
    /// Where its endpoints are mounted.
    pub(crate) fn path(&self) -> String {
        match self.kind {
            Kind::OpenId { .. } => format!("oidc/{}", self.name),
            Kind::Facebook | Kind::Google | Kind::GitHub | Kind::Twitter => self.name.clone(),
        }
    }

    /// Where codes are exchanged, as the settings say it.
    pub(super) fn token_url(&self) -> Result<&str, ProviderError> {
        self.token_url
            .as_deref()
            .ok_or(ProviderError::Misconfigured("nothing says where codes are exchanged"))
    }

    /// A place in the provider's API.
    pub(super) fn api(&self, path: &str) -> String {
        format!("{}{path}", self.api_url.as_deref().unwrap_or_default())
    }

    /// Scheme, host and port of every URL in the settings: no other is ever asked.
    pub(super) fn origins(&self) -> Vec<String> {
        let issuer = match &self.kind {
            Kind::OpenId { issuer } => Some(issuer),
            Kind::Facebook | Kind::Google | Kind::GitHub | Kind::Twitter => None,
        };
        let urls = [issuer, self.api_url.as_ref(), self.auth_url.as_ref(), self.token_url.as_ref()];
        urls.into_iter().flatten().filter_map(|url| origin(url)).collect()
    }

    /// The callback URL that a code is bound to, if it is one of ours.
    pub fn callback(&self, given: Option<&str>) -> Option<&str> {
        let given = given.filter(|given| !given.is_empty());
        let mut urls = self.callback_urls.iter().map(String::as_str);
        urls.find(|url| given.is_none_or(|given| given == *url))
    }
}

/// Scheme, host and port of a URL, in one form for all spellings; none if it has none of them.
pub(super) fn origin(url: &str) -> Option<String> {
    let url: axum::http::Uri = url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    if authority.as_str().contains('@') {
        return None;
    }
    let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some(format!("{scheme}://{}:{port}", authority.host().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_one_of_the_settings_letter_by_letter() {
        let config = |callback_urls: &[&str]| ProviderConfig {
            name: "google".to_owned(),
            kind: Kind::Google,
            client_id: String::new(),
            client_secret: Secret::new(String::new()),
            scopes: vec![],
            callback_urls: callback_urls.iter().map(|url| (*url).to_owned()).collect(),
            trust_email: false,
            api_url: None,
            auth_url: None,
            token_url: None,
        };
        let two = config(&["https://app.test/in", "https://app.test/other"]);
        assert_eq!(two.callback(None), Some("https://app.test/in"));
        assert_eq!(two.callback(Some("")), Some("https://app.test/in"));
        assert_eq!(two.callback(Some("https://app.test/other")), Some("https://app.test/other"));
        for foreign in
            ["https://app.test/in/", "https://app.test/in?x", "https://app.test/i", "HTTPS://app.test/in"]
        {
            assert_eq!(two.callback(Some(foreign)), None, "{foreign}");
        }
        assert_eq!(config(&[]).callback(None), None);
    }

    #[test]
    fn an_origin_is_one_whatever_its_spelling() {
        assert_eq!(origin("https://API.example.com/x?y"), origin("https://api.example.com:443"));
        assert_ne!(origin("http://api.example.com"), origin("https://api.example.com"));
        assert_ne!(origin("https://api.example.com.evil.test"), origin("https://api.example.com"));
        for none in ["", "/path", "api.example.com", "https://api.example.com@evil.test/", "https://"] {
            assert_eq!(origin(none), None, "{none}");
        }
    }
}
