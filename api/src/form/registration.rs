//! The input of a registration. Must not know who holds which name: its caller says so between the two stages.

use super::{
    Rules,
    errors::{FieldErrors, NON_FIELD},
    field::{BAD_USERNAME, TextField, is_username},
    secret::Secret,
    value::Fields,
};

/// Answered in the field stage, beside the faults of other fields.
pub const USERNAME_TAKEN: &str = "A user with that username already exists.";
/// Answered in the field stage, beside the faults of other fields.
pub const EMAIL_TAKEN: &str = "User is already registered with this e-mail address.";

/// RFC 5321 §4.5.3.1.3. The reference cuts a longer address off and stores another one than it was given.
pub(super) const MAX_EMAIL: usize = 254;

/// A well-formed registration.
#[derive(Debug, Clone)]
pub struct Registration {
    pub username: String,
    pub email: String,
    pub password: Secret,
}

/// A registration in its field stage. Look up the names that are there, report those that are taken, then finish.
#[derive(Debug)]
pub struct Draft {
    username: Option<String>,
    email: Option<String>,
    password: Option<Secret>,
    repeated: Option<Secret>,
    errors: FieldErrors,
}

impl Draft {
    /// Judges each field; of the password rules those that need to know nothing of the user.
    pub fn read(fields: &Fields, rules: Rules<'_>) -> Self {
        let mut errors = FieldErrors::in_order(&["username", "email", "password1", "password2"]);
        let username = TextField::new("username").at_most(150).read(fields, &mut errors);
        let username = username.filter(|name| {
            let fits = is_username(name);
            errors.add("username", (!fits).then(|| BAD_USERNAME.to_owned()));
            fits
        });
        let email = TextField::new("email").email().at_most(MAX_EMAIL).read(fields, &mut errors);
        let password = TextField::new("password1").read(fields, &mut errors).map(Secret::new);
        if let Some(password) = &password {
            errors.add("password1", rules(password.as_str(), &[]));
        }
        let repeated = TextField::new("password2").read(fields, &mut errors).map(Secret::new);
        Self { username, email, password, repeated, errors }
    }

    /// The username, if it is well formed.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The address, if it is well formed.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    pub fn username_is_taken(&mut self) {
        self.errors.add("username", [USERNAME_TAKEN.to_owned()]);
    }

    pub fn email_is_taken(&mut self) {
        self.errors.add("email", [EMAIL_TAKEN.to_owned()]);
    }

    /// Ends the field stage, compares the passwords, and then the password with what is known of the user.
    pub fn finish(self, rules: Rules<'_>) -> Result<Registration, FieldErrors> {
        let (Some(username), Some(email), Some(password), Some(repeated)) =
            (self.username, self.email, self.password, self.repeated)
        else {
            return Err(self.errors);
        };
        self.errors.unless_any(())?;
        if password.as_str() != repeated.as_str() {
            return Err(FieldErrors::one(NON_FIELD, "The two password fields didn't match."));
        }
        let mut errors = FieldErrors::default();
        errors
            .add(NON_FIELD, rules(password.as_str(), &[("username", &username), ("email address", &email)]));
        errors.unless_any(Registration { username, email, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn rules(password: &str, known: &[(&str, &str)]) -> Vec<String> {
        let short = (password.len() < 4).then(|| "too short".to_owned());
        let similar = known.iter().find(|(_, value)| *value == password);
        short.into_iter().chain(similar.map(|(name, _)| format!("too similar to the {name}"))).collect()
    }

    fn draft(body: &str) -> Draft {
        Draft::read(&read(Some("application/json"), body.as_bytes()).expect("fields"), &rules)
    }

    fn refused(draft: Draft) -> String {
        draft.finish(&rules).err().map(|errors| errors.to_json().to_string()).unwrap_or_default()
    }

    #[test]
    fn a_good_registration_is_taken_trimmed() {
        let body = r#"{"username":" ada ","email":" Ada@Example.com\n","password1":" secret ","password2":"secret"}"#;

        let taken = draft(body).finish(&rules).expect("a registration");

        assert_eq!((taken.username.as_str(), taken.email.as_str()), ("ada", "Ada@Example.com"));
        assert_eq!(taken.password.as_str(), "secret");
    }

    #[test]
    fn every_faulty_field_is_told_at_once_and_the_mismatch_is_not() {
        let mut draft = draft(r#"{"username":"ada","email":"bad","password1":"1","password2":"2"}"#);
        draft.username_is_taken();

        let expected = r#"{"username":["A user with that username already exists."],"email":["Enter a valid email address."],"password1":["too short"]}"#;
        assert_eq!(refused(draft), expected);
    }

    #[test]
    fn the_characters_of_a_username_are_judged_only_when_all_else_is_well() {
        let body = |name: &str| {
            format!(r#"{{"username":"{name}","email":"a@b.com","password1":"1234","password2":"1234"}}"#)
        };
        let only = |sentence: &str| format!(r#"{{"username":["{sentence}"]}}"#);

        assert_eq!(refused(draft(&body("a b"))), only(BAD_USERNAME));
        assert_eq!(refused(draft(&body(r"a b\u0000"))), only("Null characters are not allowed."));
        assert_eq!(
            refused(draft(&body(&"a ".repeat(90)))),
            only("Ensure this field has no more than 150 characters.")
        );
        assert_eq!(draft(&body("a b")).username(), None);
    }

    #[test]
    fn the_mismatch_comes_before_the_similarity() {
        let body = |repeated: &str| {
            format!(
                r#"{{"username":"kaleidos","email":"a@b.com","password1":"kaleidos","password2":"{repeated}"}}"#
            )
        };

        let mismatch = r#"{"non_field_errors":["The two password fields didn't match."]}"#;
        assert_eq!(refused(draft(&body("other"))), mismatch);
        let similar = r#"{"non_field_errors":["too similar to the username"]}"#;
        assert_eq!(refused(draft(&body("kaleidos"))), similar);
    }

    #[test]
    fn an_address_that_is_taken_is_told_under_its_field() {
        let mut draft =
            draft(r#"{"username":"ada","email":"a@b.com","password1":"1234","password2":"1234"}"#);
        assert_eq!(draft.email(), Some("a@b.com"));
        draft.email_is_taken();

        let expected = r#"{"email":["User is already registered with this e-mail address."]}"#;
        assert_eq!(refused(draft), expected);
    }

    #[test]
    fn an_empty_body_misses_all_four() {
        let expected = ["username", "email", "password1", "password2"]
            .map(|name| format!(r#""{name}":["This field is required."]"#));
        assert_eq!(refused(draft("{}")), format!("{{{}}}", expected.join(",")));
    }
}
