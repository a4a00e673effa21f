//! The input of a login through a provider of identities. Must not know which providers there are, nor what any of it opens.

use super::{
    errors::{FieldErrors, NON_FIELD},
    field::TextField,
    secret::Secret,
    value::Fields,
};

/// What a client brought from a provider; nothing in it is empty.
#[derive(Debug, Clone)]
pub struct Brought {
    pub access_token: Option<Secret>,
    pub code: Option<Secret>,
    pub id_token: Option<Secret>,
    /// Where the code was sent to; Stele's own, as what follows.
    pub callback_url: Option<String>,
    pub code_verifier: Option<Secret>,
    pub nonce: Option<String>,
}

/// A token of OAuth 1.0a, and the secret that it signs with.
#[derive(Debug, Clone)]
pub struct BroughtToSign {
    pub access_token: Secret,
    pub token_secret: Secret,
}

/// Answered where there is nothing that this provider could be asked about.
pub const NOTHING_BROUGHT: &str = "Incorrect input. access_token or code is required.";
/// Answered where the provider does not know it, or says that it was issued to somebody else.
pub const INCORRECT: &str = "Incorrect value";
pub const NOT_EXCHANGED: &str = "Failed to exchange code for access token";
/// Answered where the settings have no callback URL, or not the one that was sent.
pub const NO_CALLBACK_URL: &str = "Define callback_url in view";
/// Answered where the account there lets somebody else in.
pub const FOREIGN_ACCOUNT: &str = "The third-party account is already connected to a different account.";
/// Answered where an account is to be disconnected without which nobody could come in.
pub const LAST_WAY_IN: &str = "Your account has no password set up.";

impl Brought {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let names = ["access_token", "code", "id_token", "callback_url", "code_verifier", "nonce"];
        let mut errors = FieldErrors::in_order(&names);
        let [access_token, code, id_token, callback_url, code_verifier, nonce] = names.map(|name| {
            let text = TextField::new(name).optional().may_be_blank().read(fields, &mut errors);
            text.filter(|text| !text.is_empty())
        });
        errors.unless_any(Self {
            access_token: access_token.map(Secret::new),
            code: code.map(Secret::new),
            id_token: id_token.map(Secret::new),
            callback_url,
            code_verifier: code_verifier.map(Secret::new),
            nonce,
        })
    }
}

impl BroughtToSign {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let names = ["access_token", "token_secret"];
        let mut errors = FieldErrors::in_order(&names);
        let read = names.map(|name| TextField::new(name).read(fields, &mut errors).map(Secret::new));
        errors.unless_any(())?;
        match read {
            [Some(access_token), Some(token_secret)] => Ok(Self { access_token, token_secret }),
            _ => Err(FieldErrors::one(NON_FIELD, INCORRECT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn refused<T>(parsed: Result<T, FieldErrors>) -> String {
        parsed.map(drop).expect_err("refused").to_json().to_string()
    }

    #[test]
    fn everything_may_be_left_out_or_blank_and_nothing_is_null() {
        let fields = read(Some("application/json"), br#"{"access_token":" ","code":"c"}"#).expect("fields");
        let brought = Brought::parse(&fields).expect("well formed");
        assert!(brought.access_token.is_none() && brought.id_token.is_none());
        assert_eq!(brought.code.map(|code| code.as_str().to_owned()).as_deref(), Some("c"));
        let fields = read(Some("application/json"), br#"{"nonce":[],"access_token":null}"#).expect("fields");
        let expected = r#"{"access_token":["This field may not be null."],"nonce":["Not a valid string."]}"#;
        assert_eq!(refused(Brought::parse(&fields)), expected);
    }

    #[test]
    fn a_signing_token_comes_with_its_secret() {
        let fields = read(Some("application/json"), br#"{"token_secret":""}"#).expect("fields");
        let expected =
            r#"{"access_token":["This field is required."],"token_secret":["This field may not be blank."]}"#;
        assert_eq!(refused(BroughtToSign::parse(&fields)), expected);
    }
}
