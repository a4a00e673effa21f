//! How a call of a sequence is sent: by whom, where to, and with what.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::super::call::Call;
use super::Play;
use crate::support::{Caller, PASSWORD, SESSIONS, Tokens, claims};

impl Play<'_> {
    /// A query is answered as of the newest event that an answer told of.
    pub(super) fn request(&self, call: Call) -> RequestBuilder {
        let (method, path) = self.endpoint(call);
        let request = self.caller(call).request(method, &path);
        match (self.body(call), &self.position) {
            (Value::Null, Some(position)) if method == "GET" => {
                request.header("stele-min-position", position)
            }
            (Value::Null, _) => request,
            (body, _) => request.json(&body),
        }
    }

    fn endpoint(&self, call: Call) -> (&'static str, String) {
        let (method, path) = match call {
            Call::Register { .. } => ("POST", "registration/"),
            Call::LogIn { .. } => ("POST", "login/"),
            Call::LogOut { .. } => ("POST", "logout/"),
            Call::Refresh { .. } => ("POST", "token/refresh/"),
            Call::ChangePassword { .. } => ("POST", "password/change/"),
            Call::AskForReset { .. } => ("POST", "password/reset/"),
            Call::Reset { .. } => ("POST", "password/reset/confirm/"),
            Call::AskForVerification { .. } => ("POST", "registration/resend-email/"),
            Call::VerifyEmail { .. } => ("POST", "registration/verify-email/"),
            Call::ChangeEmail { .. } => ("POST", "email/change/"),
            Call::Rename { .. } => ("PATCH", "user/"),
            Call::EndOne { other, .. } => {
                let id = &claims(self.newest(other).access())["sid"];
                return ("DELETE", format!("{SESSIONS}{}/", id.as_str().expect("a session's id")));
            }
            Call::EndOthers { .. } => ("DELETE", SESSIONS),
            Call::ShowUser { .. } => ("GET", "user/"),
            Call::CountSessions { .. } => ("GET", SESSIONS),
            Call::VerifyAccess { .. } | Call::VerifyRefresh { .. } => ("POST", "token/verify/"),
        };
        (method, path.to_owned())
    }

    /// Shows the newest credentials of the session, where the call is made in one.
    fn caller(&self, call: Call) -> Caller {
        let api = &self.stage.api;
        match call {
            Call::LogOut { session, .. } if !self.stage.has_refresh => self.newest(session).on(api),
            Call::ChangePassword { session, .. }
            | Call::ChangeEmail { session, .. }
            | Call::Rename { session, .. }
            | Call::EndOne { session, .. }
            | Call::EndOthers { session }
            | Call::ShowUser { session }
            | Call::CountSessions { session } => self.newest(session).on(api),
            _ => api.clone(),
        }
    }

    fn body(&self, call: Call) -> Value {
        let (sequence, post) = (self.sequence, &self.stage.post);
        let refresh = |session: usize, generation: usize| self.tokens[&session][generation].refresh();
        match call {
            Call::Register { username, email, password: with } => {
                let (username, email, with) =
                    (username.username(sequence), email.email(sequence), password(with));
                json!({"username": username, "email": email, "password1": with, "password2": with})
            }
            Call::LogIn { by, password: with } => {
                let (field, name) = by.typed(sequence);
                json!({field: name, "password": password(with)})
            }
            Call::LogOut { .. } if !self.stage.has_refresh => json!({}),
            Call::LogOut { session, generation } | Call::Refresh { session, generation } => {
                json!({"refresh": refresh(session, generation)})
            }
            Call::ChangePassword { to, .. } => {
                json!({"new_password1": password(to), "new_password2": password(to)})
            }
            Call::AskForReset { email } | Call::AskForVerification { email } => {
                json!({"email": email.email(sequence)})
            }
            Call::Reset { email, mail, to } => {
                let (uid, token) = post.reset_links(&email.email(sequence)).swap_remove(mail);
                let to = password(to);
                json!({"uid": uid, "token": token, "new_password1": to, "new_password2": to})
            }
            Call::VerifyEmail { email, mail } => {
                json!({"key": post.verify_keys(&email.email(sequence)).swap_remove(mail)})
            }
            Call::ChangeEmail { to, password: with, .. } => {
                json!({"email": to.email(sequence), "password": password(with)})
            }
            Call::Rename { to, .. } => json!({"username": to.username(sequence)}),
            Call::VerifyAccess { session } => json!({"token": self.newest(session).access()}),
            Call::VerifyRefresh { session, generation } => json!({"token": refresh(session, generation)}),
            _ => Value::Null,
        }
    }

    fn newest(&self, session: usize) -> &Tokens {
        self.tokens[&session].last().expect("a session begins with a token")
    }
}

fn password(number: usize) -> String {
    format!("{PASSWORD}-{number}")
}
