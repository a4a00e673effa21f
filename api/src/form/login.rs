//! The input of a login: by which name, with which password. Must not know whether any account has them.

use super::{
    errors::{FieldErrors, NON_FIELD},
    field::TextField,
    secret::Secret,
    value::Fields,
};

/// By which names this deployment lets people in (`auth.login_methods`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginMethods {
    Username,
    Email,
    Both,
}

/// The name that decides, out of those that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// Under [`LoginMethods::Both`] this text may be an address as well, and is tried as one first.
    Username(String),
    /// An address. A username that was sent along does not count, even where the address is unknown.
    Email(String),
}

/// A well-formed login.
///
/// What follows, in this order, is answered as `non_field_errors`: no such account, a wrong password or a disabled
/// account: [`BAD_CREDENTIALS`]; then, where verification is mandatory and the address unverified: [`UNVERIFIED`].
#[derive(Debug, Clone)]
pub struct Login {
    pub name: LoginName,
    pub password: Secret,
}

/// Code points of a typed name that count. A username has 150 letters at most, and typed with its accents apart few of
/// them take more than four; an address has 320.
const LONGEST_NAME: usize = 640;

/// Said of unknown, disabled and wrongly remembered accounts alike.
pub const BAD_CREDENTIALS: &str = "Unable to log in with provided credentials.";
/// Said only after the password was right.
pub const UNVERIFIED: &str = "E-mail is not verified.";

impl Login {
    /// All three fields are judged whatever the methods, so a malformed address is refused even where only usernames
    /// count. Names are looked at after that.
    pub fn parse(fields: &Fields, methods: LoginMethods) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::in_order(&["username", "email", "password"]);
        let username = TextField::new("username").optional().may_be_blank().read(fields, &mut errors);
        let email = TextField::new("email").email().optional().may_be_blank().read(fields, &mut errors);
        let password = TextField::new("password").read(fields, &mut errors);
        errors.unless_any(())?;

        let email = email.filter(|email| !email.is_empty() && methods != LoginMethods::Username);
        let username = username.filter(|name| !name.is_empty() && methods != LoginMethods::Email);
        match (email.map(LoginName::Email).or(username.map(|name| LoginName::Username(cut(name)))), password)
        {
            (Some(name), Some(password)) => Ok(Self { name, password: Secret::new(password) }),
            _ => Err(FieldErrors::one(NON_FIELD, missing(methods))),
        }
    }
}

/// No name has so many letters, however they are composed; whatever follows can't make it one, and would only cost.
fn cut(name: String) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => name.get(..end).unwrap_or_default().to_owned(),
        None => name,
    }
}

const fn missing(methods: LoginMethods) -> &'static str {
    match methods {
        LoginMethods::Username => "Must include \"username\" and \"password\".",
        LoginMethods::Email => "Must include \"email\" and \"password\".",
        LoginMethods::Both => "Must include either \"username\" or \"email\" and \"password\".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn login(methods: LoginMethods, body: &str) -> Result<LoginName, String> {
        let fields = read(Some("application/json"), body.as_bytes()).expect("fields");
        Login::parse(&fields, methods).map(|login| login.name).map_err(|errors| errors.to_json().to_string())
    }

    fn refused(json: &str) -> Result<LoginName, String> {
        Err(json.to_owned())
    }

    #[test]
    fn the_method_decides_which_name_counts() {
        let both = r#"{"username":"ada","email":"ada@example.com","password":"x"}"#;
        let name = |name: &str| Ok(LoginName::Username(name.into()));
        let email = |email: &str| Ok(LoginName::Email(email.into()));

        assert_eq!(login(LoginMethods::Both, both), email("ada@example.com"));
        assert_eq!(login(LoginMethods::Email, both), email("ada@example.com"));
        assert_eq!(login(LoginMethods::Username, both), name("ada"));
        assert_eq!(
            login(LoginMethods::Both, r#"{"username":" ada ","email":"","password":"x"}"#),
            name("ada")
        );
    }

    #[test]
    fn without_a_name_that_counts_the_answer_names_those_that_would() {
        let name = r#"{"username":"ada","password":"x"}"#;
        let email = r#"{"email":"ada@example.com","password":"x"}"#;
        let neither = r#"{"username":" ","email":"","password":"x"}"#;

        let wants_email = refused(r#"{"non_field_errors":["Must include \"email\" and \"password\"."]}"#);
        assert_eq!(login(LoginMethods::Email, name), wants_email);
        let wants_name = refused(r#"{"non_field_errors":["Must include \"username\" and \"password\"."]}"#);
        assert_eq!(login(LoginMethods::Username, email), wants_name);
        let wants_one = refused(
            r#"{"non_field_errors":["Must include either \"username\" or \"email\" and \"password\"."]}"#,
        );
        assert_eq!(login(LoginMethods::Both, neither), wants_one);
    }

    #[test]
    fn what_is_longer_than_any_name_is_cut() {
        let typed = |length| format!(r#"{{"username":"{}","password":"x"}}"#, "\u{fdfa}".repeat(length));
        let kept = |length| Ok(LoginName::Username("\u{fdfa}".repeat(length)));

        assert_eq!(login(LoginMethods::Both, &typed(LONGEST_NAME)), kept(LONGEST_NAME));
        assert_eq!(login(LoginMethods::Both, &typed(20_000)), kept(LONGEST_NAME));
    }

    #[test]
    fn faulty_fields_are_told_before_names_are_looked_at() {
        let expected = refused(r#"{"password":["This field is required."]}"#);
        assert_eq!(login(LoginMethods::Both, "{}"), expected);
        let expected = refused(r#"{"email":["Enter a valid email address."]}"#);
        assert_eq!(
            login(LoginMethods::Username, r#"{"username":"ada","email":"x@","password":"x"}"#),
            expected
        );
        let expected = refused(
            r#"{"username":["This field may not be null."],"password":["This field may not be null."]}"#,
        );
        assert_eq!(login(LoginMethods::Both, r#"{"password":null,"username":null}"#), expected);
    }
}
