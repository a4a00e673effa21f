//! What a person may ask of the server, and how it is sent.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::person::Person;
use crate::support::Caller;

#[derive(Debug, Clone)]
pub(super) enum Order {
    Register,
    LogIn,
    /// Sessions are named by their place among those that the person has.
    Refresh {
        session: usize,
    },
    ChangePassword {
        by: usize,
        to: String,
    },
    AskForReset,
    /// By a link out of a mail: uid and token.
    Reset {
        link: (String, String),
        to: String,
    },
    Rename {
        by: usize,
        to: String,
    },
    LogOut {
        session: usize,
    },
}

impl Order {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Register => "registration",
            Self::LogIn => "login",
            Self::Refresh { .. } => "refresh",
            Self::ChangePassword { .. } => "password change",
            Self::AskForReset => "reset mail",
            Self::Reset { .. } => "password reset",
            Self::Rename { .. } => "change of name",
            Self::LogOut { .. } => "logout",
        }
    }

    /// Whether an answer says where its events stand; one that must be the same for everybody does not.
    pub(super) const fn tells_position(&self) -> bool {
        !matches!(self, Self::AskForReset)
    }

    pub(super) fn request(&self, api: &Caller, who: &Person) -> RequestBuilder {
        let post = |api: &Caller, path: &str, body: Value| api.request("POST", path).json(&body);
        let by = |session: &usize| who.sessions[*session].on(api);
        let account = &who.account;
        match self {
            Self::Register => post(api, "registration/", account.registration()),
            Self::LogIn => {
                post(api, "login/", json!({"username": account.username, "password": account.password}))
            }
            Self::Refresh { session } => {
                post(api, "token/refresh/", json!({"refresh": who.sessions[*session].refresh()}))
            }
            Self::ChangePassword { by: session, to } => {
                post(&by(session), "password/change/", json!({"new_password1": to, "new_password2": to}))
            }
            Self::AskForReset => post(api, "password/reset/", json!({"email": account.email})),
            Self::Reset { link: (uid, token), to } => {
                let body = json!({"uid": uid, "token": token, "new_password1": to, "new_password2": to});
                post(api, "password/reset/confirm/", body)
            }
            Self::Rename { by: session, to } => {
                by(session).request("PATCH", "user/").json(&json!({"username": to}))
            }
            Self::LogOut { session } => {
                post(&by(session), "logout/", json!({"refresh": who.sessions[*session].refresh()}))
            }
        }
    }
}
