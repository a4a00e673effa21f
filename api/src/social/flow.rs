//! Where browsers are sent in a login by way of a provider, and where they come back to. All of it is set by the operator and
//! nothing of it by a request: an address that somebody else could choose would take codes to him.

use form_urlencoded::Serializer;

use super::{ProviderConfig, intent::Intent};

/// The addresses of a deployment that has a front end for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRules {
    /// Where clients reach Stele, without a slash at the end.
    pub public_url: String,
    /// The front end's page at which a login ends.
    pub return_url: String,
}

/// Why a login ended without anybody being let in, in a word for the front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The person does not want it.
    Denied,
    /// The provider said what it should not, or what can't be believed.
    Failed,
    /// The provider or Stele does not answer now.
    Unavailable,
    Throttled,
}

impl Ending {
    const fn word(self) -> &'static str {
        match self {
            Self::Denied => "access_denied",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
        }
    }
}

impl FlowRules {
    /// What a provider sends the browser back to; the operator tells the provider of it, letter by letter.
    pub fn redirect_uri(&self, provider: &str) -> String {
        format!("{}/social/{provider}/callback", self.public_url)
    }

    /// A provider's page, with all that it must know (RFC 6749, section 4.1.1).
    pub(crate) fn provider(&self, page: &str, config: &ProviderConfig, intent: &Intent) -> String {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", &self.redirect_uri(&config.name))
            .append_pair("scope", &config.scopes.join(" "))
            .append_pair("state", intent.state())
            .append_pair("code_challenge", &intent.code_challenge())
            .append_pair("code_challenge_method", "S256");
        if config.kind.speaks_openid() {
            query.append_pair("nonce", &intent.nonce);
        }
        joined(page, &query.finish())
    }

    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The front end's page, with the code that it can give for tokens, or with why there is none.
    pub(crate) fn front_end(&self, result: &Result<String, Ending>) -> String {
        let mut query = Serializer::new(String::new());
        match result {
            Ok(code) => query.append_pair("code", code),
            Err(ending) => query.append_pair("error", ending.word()),
        };
        joined(&self.return_url, &query.finish())
    }
}

/// An address that ends in `#` has what is added as its fragment, which browsers keep to themselves.
fn joined(url: &str, query: &str) -> String {
    let joint = match url {
        url if url.ends_with(['#', '?']) => "",
        url if url.contains(['#', '?']) => "&",
        _ => "?",
    };
    format!("{url}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(return_url: &str) -> FlowRules {
        FlowRules { public_url: "https://id.example/auth".to_owned(), return_url: return_url.to_owned() }
    }

    #[test]
    fn a_provider_sends_browsers_back_to_one_address() {
        assert_eq!(rules("").redirect_uri("google"), "https://id.example/auth/social/google/callback");
    }

    #[test]
    fn the_result_stands_where_the_front_end_wants_it() {
        let code = Ok("c&d".to_owned());
        for (url, whole) in [
            ("https://app.example/in", "https://app.example/in?code=c%26d"),
            ("https://app.example/in#", "https://app.example/in#code=c%26d"),
            ("https://app.example/in?from=id", "https://app.example/in?from=id&code=c%26d"),
            ("https://app.example/#/in?", "https://app.example/#/in?code=c%26d"),
        ] {
            assert_eq!(rules(url).front_end(&code), whole);
        }
        assert_eq!(rules("app://in").front_end(&Err(Ending::Denied)), "app://in?error=access_denied");
    }
}
