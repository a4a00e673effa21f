//! The endpoints of the contract: paths, methods, and what `OPTIONS` tells about their fields.
//! Must not know handlers, routers or which endpoints a deployment turns on.

mod social;

use serde_json::{Map, Value, json};

/// Which tokens a deployment must use for an endpoint to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    Always,
    /// Only with `auth.tokens = "jwt"`; 404 otherwise.
    WithJwt,
}

/// What the `Authorization` header (or the access cookie) means to an endpoint. It is looked at before the method,
/// the body and all else, so that it is answered before 405 and 415.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Not looked at, however bad.
    Ignored,
    /// May be missing; bad ones are refused with 401.
    Optional,
    /// Missing ones are refused with 401 too.
    Required,
}

/// One field, as `OPTIONS` tells it.
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    name: &'static str,
    kind: &'static str,
    label: &'static str,
    required: bool,
    read_only: bool,
    help: Option<&'static str>,
    min: Option<usize>,
    max: Option<usize>,
}

impl FieldInfo {
    const fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            label,
            required: true,
            read_only: false,
            help: None,
            min: None,
            max: None,
        }
    }

    const fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    const fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    const fn read_only(self) -> Self {
        Self { required: false, read_only: true, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }

    const fn length(self, min: Option<usize>, max: usize) -> Self {
        Self { min, max: Some(max), ..self }
    }

    fn to_json(self) -> Value {
        let mut info = Map::new();
        info.insert("type".into(), self.kind.into());
        info.insert("required".into(), self.required.into());
        info.insert("read_only".into(), self.read_only.into());
        info.insert("label".into(), self.label.into());
        info.extend(self.help.map(|help| ("help_text".to_owned(), help.into())));
        info.extend(self.min.map(|min| ("min_length".to_owned(), min.into())));
        info.extend(self.max.map(|max| ("max_length".to_owned(), max.into())));
        Value::Object(info)
    }
}

/// An endpoint of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Below `api.base_path`. Without the slash at its end it is the same endpoint.
    pub path: &'static str,
    pub name: &'static str,
    pub about: &'static str,
    /// In the order of the `Allow` header.
    pub methods: &'static [&'static str],
    pub credentials: Credentials,
    pub offered: Offered,
    /// The method whose fields `OPTIONS` tells, and these fields.
    action: Option<(&'static str, &'static [FieldInfo])>,
}

const POST: &[&str] = &["POST", "OPTIONS"];
const PASSWORD_MAX: usize = 128;
const EMAIL: FieldInfo = FieldInfo::text("email", "Email").kind("email");
const OLD_PASSWORD: FieldInfo = FieldInfo::text("old_password", "Old password").length(None, PASSWORD_MAX);
const NEW_PASSWORD1: FieldInfo = FieldInfo::text("new_password1", "New password1").length(None, PASSWORD_MAX);
const NEW_PASSWORD2: FieldInfo = FieldInfo::text("new_password2", "New password2").length(None, PASSWORD_MAX);

impl Endpoint {
    const fn posted(
        path: &'static str,
        name: &'static str,
        about: &'static str,
        fields: &'static [FieldInfo],
    ) -> Self {
        Self {
            path,
            name,
            about,
            methods: POST,
            credentials: Credentials::Optional,
            offered: Offered::Always,
            action: Some(("POST", fields)),
        }
    }

    pub const LOGIN: Self = Self::posted(
        "login/",
        "Login",
        "Checks a name and a password, and starts a session.",
        &[
            FieldInfo::text("username", "Username").optional(),
            EMAIL.optional(),
            FieldInfo::text("password", "Password"),
        ],
    );

    /// GET is in the set whether or not `auth.logout_on_get` lets it through; where not, it is answered with 405.
    pub const LOGOUT: Self = Self {
        methods: &["GET", "POST", "HEAD", "OPTIONS"],
        action: None,
        ..Self::posted("logout/", "Logout", "Ends the session that the request belongs to.", &[])
    };

    pub const USER: Self = Self {
        methods: &["GET", "PUT", "PATCH", "HEAD", "OPTIONS"],
        credentials: Credentials::Required,
        action: Some((
            "PUT",
            &[
                FieldInfo::text("pk", "ID").kind("integer").read_only(),
                FieldInfo::text("username", "Username")
                    .help("At most 150 letters, digits and @ . + - _, in any script.")
                    .length(None, 150),
                FieldInfo::text("email", "Email address").kind("email").read_only(),
                FieldInfo::text("first_name", "First name").optional().length(None, 150),
                FieldInfo::text("last_name", "Last name").optional().length(None, 150),
            ],
        )),
        ..Self::posted("user/", "User Details", "Shows and changes one's own account.", &[])
    };

    pub const PASSWORD_CHANGE: Self = Self {
        credentials: Credentials::Required,
        ..Self::posted(
            "password/change/",
            "Password Change",
            "Sets a new password for one's own account.",
            &[NEW_PASSWORD1, NEW_PASSWORD2],
        )
    };

    pub const PASSWORD_RESET: Self = Self::posted(
        "password/reset/",
        "Password Reset",
        "Sends a link with which a password can be reset.",
        &[EMAIL],
    );

    pub const PASSWORD_RESET_CONFIRM: Self = Self::posted(
        "password/reset/confirm/",
        "Password Reset Confirm",
        "Sets a new password with what the link of a reset mail holds.",
        &[NEW_PASSWORD1, NEW_PASSWORD2, FieldInfo::text("uid", "Uid"), FieldInfo::text("token", "Token")],
    );

    pub const REGISTRATION: Self = Self::posted(
        "registration/",
        "Register",
        "Opens an account.",
        &[
            FieldInfo::text("username", "Username").length(Some(1), 150),
            EMAIL,
            FieldInfo::text("password1", "Password1"),
            FieldInfo::text("password2", "Password2"),
        ],
    );

    pub const VERIFY_EMAIL: Self = Self {
        methods: &["POST", "OPTIONS", "HEAD"],
        ..Self::posted(
            "registration/verify-email/",
            "Verify Email",
            "Confirms an address with the key that was mailed to it.",
            &[FieldInfo::text("key", "Key")],
        )
    };

    pub const RESEND_EMAIL: Self = Self::posted(
        "registration/resend-email/",
        "Resend Email Verification",
        "Mails another key to an address that is not confirmed.",
        &[EMAIL],
    );

    pub const TOKEN_VERIFY: Self = Self {
        credentials: Credentials::Ignored,
        offered: Offered::WithJwt,
        ..Self::posted(
            "token/verify/",
            "Token Verify",
            "Says whether a token is good.",
            &[FieldInfo::text("token", "Token")],
        )
    };

    pub const TOKEN_REFRESH: Self = Self {
        credentials: Credentials::Ignored,
        offered: Offered::WithJwt,
        ..Self::posted(
            "token/refresh/",
            "Token Refresh",
            "Gives a new access token for a refresh token.",
            &[
                FieldInfo::text("refresh", "Refresh").optional().help("Wins over the cookie."),
                FieldInfo::text("access", "Access").read_only(),
            ],
        )
    };

    /// Stele's own, beside those of the contract.
    pub const EMAIL_CHANGE: Self = Self {
        credentials: Credentials::Required,
        ..Self::posted(
            "email/change/",
            "Email Change",
            "Asks for another address, which takes the place of the old one once it is confirmed.",
            &[EMAIL, FieldInfo::text("password", "Password")],
        )
    };

    /// Stele's own, at the root.
    pub const SESSIONS: Self = Self {
        methods: &["GET", "DELETE", "HEAD", "OPTIONS"],
        credentials: Credentials::Required,
        action: None,
        ..Self::posted(
            "sessions/",
            "Sessions",
            "Lists where one is logged in, and ends all other sessions.",
            &[],
        )
    };

    /// Stele's own, at the root.
    pub const SESSION: Self = Self {
        methods: &["DELETE", "OPTIONS"],
        credentials: Credentials::Required,
        action: None,
        ..Self::posted("sessions/{id}/", "Session", "Ends one session.", &[])
    };

    /// The form of a page behind a link in a mail.
    pub const PAGE: Self = Self {
        credentials: Credentials::Ignored,
        action: None,
        ..Self::posted("", "Page", "Takes what the link of a mail asks for.", &[])
    };

    /// Every endpoint of the contract.
    pub const ALL: [Self; 11] = [
        Self::LOGIN,
        Self::LOGOUT,
        Self::USER,
        Self::PASSWORD_CHANGE,
        Self::PASSWORD_RESET,
        Self::PASSWORD_RESET_CONFIRM,
        Self::REGISTRATION,
        Self::VERIFY_EMAIL,
        Self::RESEND_EMAIL,
        Self::TOKEN_VERIFY,
        Self::TOKEN_REFRESH,
    ];

    /// The value of the `Allow` header.
    pub fn allow(&self) -> String {
        self.methods.join(", ")
    }

    /// The body that answers `OPTIONS`. `old_required` is `auth.old_password_required`.
    pub fn options(&self, old_required: bool) -> Value {
        let mut told = json!({
            "name": self.name,
            "description": self.about,
            "renders": ["application/json"],
            "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
        });
        if let (Some((method, fields)), Value::Object(told)) = (self.action, &mut told) {
            let old = (old_required && self.path == Self::PASSWORD_CHANGE.path).then_some(&OLD_PASSWORD);
            let fields = old.into_iter().chain(fields).map(|field| (field.name.to_owned(), field.to_json()));
            told.insert("actions".to_owned(), json!({ method: fields.collect::<Map<_, _>>() }));
        }
        told
    }
}

/// The body of a 405.
pub fn not_allowed(method: &str) -> Value {
    json!({ "detail": format!("Method \"{method}\" not allowed.") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_of_methods_are_those_of_the_contract() {
        assert_eq!(Endpoint::LOGIN.allow(), "POST, OPTIONS");
        assert_eq!(Endpoint::LOGOUT.allow(), "GET, POST, HEAD, OPTIONS");
        assert_eq!(Endpoint::USER.allow(), "GET, PUT, PATCH, HEAD, OPTIONS");
        assert_eq!(Endpoint::VERIFY_EMAIL.allow(), "POST, OPTIONS, HEAD");
    }

    #[test]
    fn options_tells_the_fields_of_an_endpoint() {
        let told = Endpoint::REGISTRATION.options(false);

        let keys: Vec<&String> = told.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["name", "description", "renders", "parses", "actions"]);
        let username = json!({
            "type": "string", "required": true, "read_only": false, "label": "Username", "min_length": 1, "max_length": 150
        });
        assert_eq!(told.pointer("/actions/POST/username"), Some(&username));
        assert_eq!(told.pointer("/actions/POST/email/type"), Some(&json!("email")));
    }

    #[test]
    fn an_endpoint_without_fields_has_no_actions() {
        assert_eq!(Endpoint::LOGOUT.options(false).get("actions"), None);
        assert_eq!(Endpoint::USER.options(false).pointer("/actions/PUT/pk/read_only"), Some(&json!(true)));
    }

    #[test]
    fn the_old_password_is_told_first_where_it_is_required() {
        let names = |old_required: bool| {
            let told = Endpoint::PASSWORD_CHANGE.options(old_required);
            let fields = told.pointer("/actions/POST").and_then(Value::as_object).expect("fields");
            fields.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(false), ["new_password1", "new_password2"]);
        assert_eq!(names(true), ["old_password", "new_password1", "new_password2"]);
        assert_eq!(Endpoint::LOGIN.options(true).pointer("/actions/POST/old_password"), None);
    }

    #[test]
    fn paths_are_distinct_and_end_in_a_slash() {
        let mut paths = Endpoint::ALL.map(|endpoint| endpoint.path);
        paths.sort_unstable();
        assert!(paths.iter().all(|path| path.ends_with('/') && !path.starts_with('/')));
        assert!(paths.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn refusals_have_a_detail() {
        assert_eq!(not_allowed("GET").to_string(), r#"{"detail":"Method \"GET\" not allowed."}"#);
    }
}
