//! The endpoints that read a body, and the text fields of each, filled with values that are well-formed and lead nowhere.

use serde_json::{Map, Value, json};

/// What a test sends as a password; no answer may repeat it.
pub(super) const SECRET: &str = "S3cret-that-nobody-has";

#[derive(Clone, Copy)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Whether it is called with the credentials of the user.
    pub(super) as_user: bool,
    pub(super) fields: &'static [(&'static str, &'static str)],
}

const LOGIN: Endpoint = anyone(
    "POST",
    "login/",
    &[("username", "nobody"), ("email", "nobody@example.com"), ("password", SECRET)],
);
const REGISTRATION: Endpoint = anyone(
    "POST",
    "registration/",
    &[("username", "nobody"), ("email", "nobody@example.com"), ("password1", SECRET), ("password2", SECRET)],
);
const VERIFY_EMAIL: Endpoint = anyone("POST", "registration/verify-email/", &[("key", "nothing")]);
const RESEND: Endpoint = anyone("POST", "registration/resend-email/", &[("email", "nobody@example.com")]);
const RESET: Endpoint = anyone("POST", "password/reset/", &[("email", "nobody@example.com")]);
const CONFIRM: Endpoint = anyone(
    "POST",
    "password/reset/confirm/",
    &[("uid", "MQ"), ("token", "nothing"), ("new_password1", SECRET), ("new_password2", SECRET)],
);
const CHANGE: Endpoint =
    user("POST", "password/change/", &[("new_password1", SECRET), ("new_password2", SECRET)]);
const PATCH_USER: Endpoint =
    user("PATCH", "user/", &[("username", "untouched"), ("first_name", ""), ("last_name", "")]);
const PUT_USER: Endpoint = Endpoint { method: "PUT", ..PATCH_USER };
const CHANGE_EMAIL: Endpoint =
    user("POST", "email/change/", &[("email", "nobody@example.com"), ("password", SECRET)]);
const REFRESH: Endpoint = anyone("POST", "token/refresh/", &[("refresh", "nothing")]);
const VERIFY: Endpoint = anyone("POST", "token/verify/", &[("token", "nothing")]);

const BOTH: [Endpoint; 10] =
    [LOGIN, REGISTRATION, VERIFY_EMAIL, RESEND, RESET, CONFIRM, CHANGE, PATCH_USER, PUT_USER, CHANGE_EMAIL];

const fn anyone(method: &'static str, path: &'static str, fields: &'static [(&str, &str)]) -> Endpoint {
    Endpoint { method, path, as_user: false, fields }
}

const fn user(method: &'static str, path: &'static str, fields: &'static [(&str, &str)]) -> Endpoint {
    Endpoint { method, path, as_user: true, fields }
}

/// Those that a server in this token mode has.
pub(super) fn all(mode: &str) -> Vec<Endpoint> {
    let of_mode: &[Endpoint] = if mode == "jwt" { &[REFRESH, VERIFY] } else { &[] };
    [&BOTH[..], of_mode].concat()
}

impl Endpoint {
    /// Its well-formed body with one field replaced.
    pub(super) fn with(&self, field: &str, value: &Value) -> Value {
        let mut body: Map<String, Value> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        body.insert(field.to_owned(), value.clone());
        Value::Object(body)
    }

    /// The contract sets no upper length for a new password.
    pub(super) fn takes_any_length(field: &str) -> bool {
        field.contains("password")
    }
}
