//! The endpoints of logins through providers of identities: those below each provider's name, and those of browsers.

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

const HANDED_OVER: [FieldInfo; 2] =
    [FieldInfo::text("code", "Code"), FieldInfo::text("code_verifier", "Code verifier").optional()];

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

    /// Where a browser leaves for a provider of identities, and where it comes back.
    pub const SOCIAL_PAGE: Self = Self {
        methods: &["GET"],
        credentials: Credentials::Ignored,
        action: None,
        ..Self::posted("", "Page", "Sends a browser to a provider of identities and back.", &[])
    };

    /// Stele's own, at the root.
    pub const HANDOFF_LOGIN: Self = Self::posted(
        "social/login/",
        "Social Login",
        "Starts a session for whom a browser came back with from a provider of identities.",
        &HANDED_OVER,
    );

    /// Stele's own, at the root.
    pub const HANDOFF_CONNECT: Self = Self {
        credentials: Credentials::Required,
        ..Self::posted(
            "social/connect/",
            "Social Connect",
            "Links the account that a browser came back with to one's own.",
            &HANDED_OVER,
        )
    };
}
