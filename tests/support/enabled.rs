//! What Stele is told of a provider, so that it is on.

use super::{
    Home,
    providers::{Kind, OUR_APP, OUR_SECRET, Provider},
};

impl Kind {
    /// How Stele calls it in events, lists and addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::GitHub => "github",
            Self::Facebook => "facebook",
            Self::Twitter => "twitter",
            Self::Oidc => "corp",
        }
    }

    /// The setting of this name in its section.
    pub(crate) fn setting(self, key: &str) -> String {
        let parent = if self == Self::Oidc { "SOCIAL__OIDC" } else { "SOCIAL" };
        format!("STELE_{parent}__{}__{key}", self.name().to_uppercase())
    }
}

impl Home {
    /// From the next start on this provider is on.
    pub(crate) fn enable(&mut self, kind: Kind, provider: &Provider) {
        let client = [("CLIENT_ID", OUR_APP.to_owned()), ("CLIENT_SECRET", OUR_SECRET.to_owned())];
        let places = match kind {
            Kind::Oidc => vec![("ISSUER", provider.url().to_owned())],
            Kind::Twitter => vec![("API_URL", provider.url().to_owned())],
            Kind::Google | Kind::GitHub | Kind::Facebook => vec![
                ("API_URL", provider.url().to_owned()),
                ("AUTH_URL", provider.authorize_url()),
                ("TOKEN_URL", provider.token_url()),
            ],
        };
        for (key, value) in client.into_iter().chain(places) {
            self.set(&kind.setting(key), &value);
        }
    }
}
