//! The endpoints of logins through providers of identities, which are mounted below each provider's name.

use super::{Credentials, Endpoint, FieldInfo};

const BROUGHT: [FieldInfo; 6] = [
    FieldInfo::text("access_token", "Access token").optional(),
    FieldInfo::text("code", "Code").optional(),
    FieldInfo::text("id_token", "Id token").optional(),
    FieldInfo::text("callback_url", "Callback url").optional(),
    FieldInfo::text("code_verifier", "Code verifier").optional(),
    FieldInfo::text("nonce", "Nonce").optional(),
];
const BROUGHT_TO_SIGN: [FieldInfo; 2] =
    [FieldInfo::text("access_token", "Access token"), FieldInfo::text("token_secret", "Token secret")];

impl Endpoint {
    /// Below the name of a provider of identities.
    pub const SOCIAL_LOGIN: Self = Self::posted(
        "",
        "Social Login",
        "Checks what a provider of identities issued, and starts a session.",
        &BROUGHT,
    );

    /// The same for one of OAuth 1.0a.
    pub const SIGNED_LOGIN: Self = Self::posted(
        "",
        "Social Login",
        "Checks what a provider of identities issued, and starts a session.",
        &BROUGHT_TO_SIGN,
    );

    pub const SOCIAL_CONNECT: Self = Self {
        credentials: Credentials::Required,
        ..Self::posted("connect/", "Social Connect", "Links an account at a provider to one's own.", &BROUGHT)
    };

    pub const SIGNED_CONNECT: Self = Self {
        credentials: Credentials::Required,
        ..Self::posted(
            "connect/",
            "Social Connect",
            "Links an account at a provider to one's own.",
            &BROUGHT_TO_SIGN,
        )
    };

    pub const SOCIAL_ACCOUNTS: Self = Self {
        methods: &["GET", "HEAD", "OPTIONS"],
        credentials: Credentials::Required,
        action: None,
        ..Self::posted(
            "socialaccounts/",
            "Social Account List",
            "Lists the accounts at providers that let one in.",
            &[],
        )
    };

    pub const SOCIAL_DISCONNECT: Self = Self {
        credentials: Credentials::Required,
        action: None,
        ..Self::posted(
            "socialaccounts/{id}/disconnect/",
            "Social Account Disconnect",
            "Takes an account at a provider away from one's own.",
            &[],
        )
    };
}
