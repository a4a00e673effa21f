//! Who may log in, with what, and how links and numbers are given out.

use std::time::Duration;

use ::api::config::{LoginMethods, PkMode, TokenMode, Verification};

use super::{
    error::ValueError,
    given::Raw,
    reader::Reader,
    value::{Choice, Value, quoted},
};

#[derive(Debug)]
pub(crate) struct Auth {
    pub(crate) tokens: TokenMode,
    pub(crate) login_methods: LoginMethods,
    pub(crate) email_verification: Verification,
    pub(crate) old_password_required: bool,
    pub(crate) logout_on_password_change: bool,
    pub(crate) logout_on_get: bool,
    pub(crate) verify_ttl: Duration,
    pub(crate) reset_ttl: Duration,
    pub(crate) pk: PkMode,
}

impl Auth {
    pub(super) fn read(from: &mut Reader) -> Self {
        let tokens = from.get(
            "auth.tokens",
            TokenMode::Jwt,
            "What a login answers: jwt, or key for one opaque key a login.",
        );
        let login_methods = from.get(
            "auth.login_methods",
            LoginMethods::Both,
            "What a user may log in with: username, email or both.",
        );
        let email_verification = from.get(
            "auth.email_verification",
            Verification::Optional,
            "mandatory: no login before the address is verified; optional: a mail is sent; none: no mail.",
        );
        let mut flag = |name, about| from.get(name, false, about);
        Self {
            tokens,
            login_methods,
            email_verification,
            old_password_required: flag("auth.old_password_required", OLD_PASSWORD),
            logout_on_password_change: flag("auth.logout_on_password_change", PASSWORD_CHANGE),
            logout_on_get: flag("auth.logout_on_get", "Whether GET /logout/ logs out."),
            verify_ttl: from.span("auth.verify_ttl", Duration::from_hours(72), VERIFY_TTL),
            reset_ttl: from.span("auth.reset_ttl", Duration::from_hours(1), RESET_TTL),
            pk: from.get("auth.pk", PkMode::Time, PK),
        }
    }
}

const OLD_PASSWORD: &str = "Whether a change of password asks for the old one.";
const PASSWORD_CHANGE: &str = "Whether a change of password ends the session it was made in, too.";
const VERIFY_TTL: &str = "How long a verification link works, and an unverified account keeps its address.";
const RESET_TTL: &str = "How long a link to a new password works.";
const PK: &str = "How users are numbered: time (53 bits), or sequence (1, 2, 3 …) for 32-bit clients.";

impl Choice for TokenMode {
    const NAMES: &'static [(&'static str, Self)] = &[("jwt", Self::Jwt), ("key", Self::Key)];
}

impl Choice for Verification {
    const NAMES: &'static [(&'static str, Self)] =
        &[("mandatory", Self::Mandatory), ("optional", Self::Optional), ("none", Self::None)];
}

impl Choice for PkMode {
    const NAMES: &'static [(&'static str, Self)] = &[("time", Self::Time), ("sequence", Self::Sequence)];
}

impl Value for LoginMethods {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let (mut username, mut email) = (false, false);
        for name in raw.list()? {
            match name.as_str() {
                "username" => username = true,
                "email" => email = true,
                other => {
                    let choices = "username, email".to_owned();
                    return Err(ValueError::NoChoice { given: other.to_owned(), choices });
                }
            }
        }
        match (username, email) {
            (true, true) => Ok(Self::Both),
            (true, false) => Ok(Self::Username),
            (false, true) => Ok(Self::Email),
            (false, false) => Err(ValueError::Wanted("username, email or both")),
        }
    }

    fn show(&self) -> String {
        let names: &[&str] = match self {
            Self::Username => &["username"],
            Self::Email => &["email"],
            Self::Both => &["username", "email"],
        };
        let shown: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        format!("[{}]", shown.join(", "))
    }
}
