//! The input of the endpoints about tokens: verify, refresh, logout. Must not know what a token says.

use super::{
    errors::FieldErrors,
    field::TextField,
    secret::Secret,
    value::{Fields, Value},
};

/// Asks whether a token is good.
#[derive(Debug, Clone)]
pub struct TokenVerify {
    pub token: Secret,
}

impl TokenVerify {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let token = TextField::new("token").read(fields, &mut errors);
        token.map(|token| Self { token: Secret::new(token) }).ok_or(errors)
    }
}

/// Asks for a new access token.
#[derive(Debug, Clone)]
pub struct TokenRefresh {
    /// The token of the body, blanks included, which wins over that of the cookie. An HTML form that leaves it empty
    /// sent none; JSON that does so is refused.
    pub refresh: Option<Secret>,
}

impl TokenRefresh {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let given = TextField::new("refresh").optional().read(fields, &mut errors);
        errors.unless_any(Self { refresh: given.map(|trimmed| raw(fields).unwrap_or(Secret::new(trimmed))) })
    }
}

/// The refresh token that a logout brings in its body. Where tokens live in cookies the body is not even parsed.
#[derive(Debug, Clone)]
pub enum Logout {
    /// There is no such field.
    Missing,
    /// The field is `null`: the contract answers as if a session had ended.
    Null,
    /// What was sent. A value that is no text is an empty token, which no session has.
    Token(Secret),
}

impl Logout {
    pub fn parse(fields: &Fields) -> Self {
        match fields.get("refresh") {
            None => Self::Missing,
            Some(Value::Null) => Self::Null,
            Some(_) => Self::Token(raw(fields).unwrap_or(Secret::new(String::new()))),
        }
    }
}

fn raw(fields: &Fields) -> Option<Secret> {
    match fields.get("refresh") {
        Some(Value::Text(text)) => Some(Secret::new(text.text.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn json(body: &str) -> Fields {
        read(Some("application/json"), body.as_bytes()).expect("fields")
    }

    fn html(body: &str) -> Fields {
        read(Some("application/x-www-form-urlencoded"), body.as_bytes()).expect("fields")
    }

    fn refresh(fields: &Fields) -> Result<Option<String>, String> {
        let parsed = TokenRefresh::parse(fields).map_err(|errors| errors.to_json().to_string())?;
        Ok(parsed.refresh.map(|token| token.as_str().to_owned()))
    }

    #[test]
    fn a_token_to_verify_is_trimmed_text() {
        assert_eq!(TokenVerify::parse(&json(r#"{"token":" x "}"#)).expect("a token").token.as_str(), "x");
        for (value, sentence) in [
            ("true", "Not a valid string."),
            ("\"\"", "This field may not be blank."),
            ("null", "This field may not be null."),
        ] {
            let refused = TokenVerify::parse(&json(&format!("{{\"token\":{value}}}"))).err();
            assert_eq!(refused, Some(FieldErrors::one("token", sentence)));
        }
    }

    #[test]
    fn a_token_to_refresh_keeps_its_blanks() {
        assert_eq!(refresh(&json(r#"{"refresh":" x "}"#)), Ok(Some(" x ".into())));
        assert_eq!(refresh(&json(r#"{"refresh":5}"#)), Ok(Some("5".into())));
        assert_eq!(refresh(&json("{}")), Ok(None));
    }

    #[test]
    fn an_empty_token_to_refresh_is_none_in_a_form_and_a_fault_in_json() {
        let blank = Err(r#"{"refresh":["This field may not be blank."]}"#.to_owned());
        assert_eq!(refresh(&html("refresh=")), Ok(None));
        assert_eq!(refresh(&html("refresh=+")), blank);
        assert_eq!(refresh(&json(r#"{"refresh":""}"#)), blank);
    }

    #[test]
    fn a_logout_tells_missing_null_and_unreadable_tokens_apart() {
        assert!(matches!(Logout::parse(&json("{}")), Logout::Missing));
        assert!(matches!(Logout::parse(&json(r#"{"refresh":null}"#)), Logout::Null));
        for (body, token) in
            [(r#"{"refresh":[]}"#, ""), (r#"{"refresh":" x"}"#, " x"), (r#"{"refresh":""}"#, "")]
        {
            assert!(
                matches!(Logout::parse(&json(body)), Logout::Token(given) if given.as_str() == token),
                "{body}"
            );
        }
    }
}
