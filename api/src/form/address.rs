//! The input of the endpoints about an e-mail address: reset, verify, send again. Must not know whose address it is.

use super::{errors::FieldErrors, field::TextField, registration::MAX_EMAIL, secret::Secret, value::Fields};

/// Asks for a link to reset a password. The answer is the same whether the address is known, disabled or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    pub email: String,
}

impl PasswordReset {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        email(fields).map(|email| Self { email })
    }
}

/// Asks for another verification mail. The answer is the same whether the address is known, verified or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendEmail {
    pub email: String,
}

impl ResendEmail {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        email(fields).map(|email| Self { email })
    }
}

/// Brings back the key of a verification mail. A key that is none, or was used, is answered with 404.
#[derive(Debug, Clone)]
pub struct VerifyEmail {
    pub key: Secret,
}

impl VerifyEmail {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let key = TextField::new("key").read(fields, &mut errors);
        key.map(|key| Self { key: Secret::new(key) }).ok_or(errors)
    }
}

/// Asks for another address, in its field stage: verify [`password`](Self::password) if it is there, report it if it is
/// wrong, then finish.
#[derive(Debug)]
pub struct EmailChange {
    email: Option<String>,
    password: Option<Secret>,
    errors: FieldErrors,
}

impl EmailChange {
    pub fn read(fields: &Fields) -> Self {
        let mut errors = FieldErrors::in_order(&["email", "password"]);
        let email = TextField::new("email").email().at_most(MAX_EMAIL).read(fields, &mut errors);
        let password = TextField::new("password").read(fields, &mut errors).map(Secret::new);
        Self { email, password, errors }
    }

    pub const fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    pub fn password_is_wrong(&mut self) {
        self.errors
            .add("password", ["Your password was entered incorrectly. Please enter it again.".to_owned()]);
    }

    /// Ends the field stage. There is no other.
    pub fn finish(self) -> Result<String, FieldErrors> {
        match self.email {
            Some(email) => self.errors.unless_any(email),
            None => Err(self.errors),
        }
    }
}

fn email(fields: &Fields) -> Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    TextField::new("email").email().read(fields, &mut errors).ok_or(errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn fields(body: &str) -> Fields {
        read(Some("application/json"), body.as_bytes()).expect("fields")
    }

    #[test]
    fn an_address_is_trimmed_and_kept_in_its_case() {
        let body = fields(r#"{"email":" Ada@Example.com "}"#);

        assert_eq!(PasswordReset::parse(&body), Ok(PasswordReset { email: "Ada@Example.com".into() }));
        assert_eq!(ResendEmail::parse(&body), Ok(ResendEmail { email: "Ada@Example.com".into() }));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (value, sentence) in [
            ("\"bad\"", "Enter a valid email address."),
            ("5", "Enter a valid email address."),
            ("null", "This field may not be null."),
        ] {
            let body = fields(&format!("{{\"email\":{value}}}"));
            assert_eq!(PasswordReset::parse(&body), Err(FieldErrors::one("email", sentence)));
            assert_eq!(ResendEmail::parse(&body), Err(FieldErrors::one("email", sentence)));
        }
    }

    #[test]
    fn a_key_may_be_a_number_but_not_a_list() {
        assert_eq!(VerifyEmail::parse(&fields(r#"{"key":5}"#)).expect("a key").key.as_str(), "5");
        let refused = VerifyEmail::parse(&fields(r#"{"key":[]}"#)).err();
        assert_eq!(refused, Some(FieldErrors::one("key", "Not a valid string.")));
    }
}
