//! The input of a password change and of the end of a reset. Must not know the old password, nor who the user is.

use super::{Rules, errors::FieldErrors, field::TextField, secret::Secret, value::Fields};

/// Said under the second field; what else is said there is about the password itself.
pub const MISMATCH: &str = "The two password fields didn’t match.";

const MAX_PASSWORD: usize = 128;
const WRONG_OLD: &str = "Your old password was entered incorrectly. Please enter it again.";

/// A new password and its repetition, both well formed, not yet compared.
#[derive(Debug, Clone)]
pub struct NewPassword {
    first: Secret,
    second: Secret,
}

impl NewPassword {
    /// The whole stage: a mismatch hides what the rules would say. All is answered under `new_password2`.
    ///
    /// `known` is what the rules know of the user, see [`Rules`].
    pub fn accept(self, rules: Rules<'_>, known: &[(&str, &str)]) -> Result<Secret, FieldErrors> {
        if self.first.as_str() != self.second.as_str() {
            return Err(FieldErrors::one("new_password2", MISMATCH));
        }
        let mut errors = FieldErrors::default();
        errors.add("new_password2", rules(self.second.as_str(), known));
        errors.unless_any(self.first)
    }
}

/// Reads both fields, so that the faults of both are told.
fn new_password(fields: &Fields, errors: &mut FieldErrors) -> Option<NewPassword> {
    let first = TextField::new("new_password1").at_most(MAX_PASSWORD).read(fields, errors);
    let second = TextField::new("new_password2").at_most(MAX_PASSWORD).read(fields, errors);
    Some(NewPassword { first: Secret::new(first?), second: Secret::new(second?) })
}

/// A password change in its field stage: verify [`old`](Self::old) if it is there, report it if it is wrong, finish,
/// and let [`NewPassword::accept`] judge the new one.
#[derive(Debug)]
pub struct PasswordChange {
    old: Option<Secret>,
    new: Option<NewPassword>,
    errors: FieldErrors,
}

impl PasswordChange {
    /// `old_required` is `auth.old_password_required`; without it an old password that is sent is not looked at.
    pub fn read(fields: &Fields, old_required: bool) -> Self {
        let mut errors = FieldErrors::in_order(&["old_password", "new_password1", "new_password2"]);
        let field = TextField::new("old_password").at_most(MAX_PASSWORD);
        let old = old_required.then(|| field.read(fields, &mut errors)).flatten().map(Secret::new);
        let new = new_password(fields, &mut errors);
        Self { old, new, errors }
    }

    /// The old password, if one is required and well formed.
    pub const fn old(&self) -> Option<&Secret> {
        self.old.as_ref()
    }

    pub fn old_is_wrong(&mut self) {
        self.errors.add("old_password", [WRONG_OLD.to_owned()]);
    }

    /// Ends the field stage.
    pub fn finish(self) -> Result<NewPassword, FieldErrors> {
        match self.new {
            Some(new) => self.errors.unless_any(new),
            None => Err(self.errors),
        }
    }
}

/// The end of a password reset. Its whole stage: the user of `uid` or [`unknown_uid`](Self::unknown_uid), then the
/// token or [`bad_token`](Self::bad_token), then [`NewPassword::accept`].
#[derive(Debug, Clone)]
pub struct PasswordResetConfirm {
    pub uid: String,
    pub token: Secret,
    pub new: NewPassword,
}

impl PasswordResetConfirm {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::in_order(&["new_password1", "new_password2", "uid", "token"]);
        let new = new_password(fields, &mut errors);
        let uid = TextField::new("uid").read(fields, &mut errors);
        let token = TextField::new("token").read(fields, &mut errors);
        match (new, uid, token) {
            (Some(new), Some(uid), Some(token)) => Ok(Self { uid, token: Secret::new(token), new }),
            _ => Err(errors),
        }
    }

    /// The `uid` is none, or nobody's.
    pub fn unknown_uid() -> FieldErrors {
        FieldErrors::one("uid", "Invalid value")
    }

    /// The token is none, of someone else, used, outdated or expired.
    pub fn bad_token() -> FieldErrors {
        FieldErrors::one("token", "Invalid value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn fields(body: &str) -> Fields {
        read(Some("application/json"), body.as_bytes()).expect("fields")
    }

    fn rules(password: &str, known: &[(&str, &str)]) -> Vec<String> {
        let similar = known.iter().any(|(_, value)| *value == password);
        let faults = [(password.len() < 4, "too short"), (similar, "too similar")];
        faults.into_iter().filter(|(bad, _)| *bad).map(|(_, sentence)| sentence.to_owned()).collect()
    }

    fn json<T>(result: Result<T, FieldErrors>) -> String {
        result.err().map(|errors| errors.to_json().to_string()).unwrap_or_default()
    }

    fn change(body: &str, old_required: bool) -> PasswordChange {
        PasswordChange::read(&fields(body), old_required)
    }

    #[test]
    fn a_mismatch_hides_what_the_rules_would_say() {
        let accept = |body: &str| {
            json(change(body, false).finish().expect("fields").accept(&rules, &[("username", "adaada")]))
        };

        let mismatch = r#"{"new_password2":["The two password fields didn’t match."]}"#;
        assert_eq!(accept(r#"{"new_password1":"1","new_password2":"2"}"#), mismatch);
        assert_eq!(
            accept(r#"{"new_password1":"1","new_password2":1}"#),
            r#"{"new_password2":["too short"]}"#
        );
        assert_eq!(
            accept(r#"{"new_password1":"adaada","new_password2":"adaada"}"#),
            r#"{"new_password2":["too similar"]}"#
        );
        assert_eq!(accept(r#"{"new_password1":"12345 ","new_password2":"12345"}"#), "");
    }

    #[test]
    fn a_wrong_old_password_is_told_beside_faulty_fields_and_before_the_mismatch() {
        let mut wrong = change(r#"{"old_password":"bad","new_password2":"2"}"#, true);
        wrong.old_is_wrong();
        let expected =
            format!(r#"{{"old_password":["{WRONG_OLD}"],"new_password1":["This field is required."]}}"#);
        assert_eq!(json(wrong.finish()), expected);

        let mut wrong = change(r#"{"old_password":"bad","new_password1":"1","new_password2":"2"}"#, true);
        assert_eq!(wrong.old().map(Secret::as_str), Some("bad"));
        wrong.old_is_wrong();
        assert_eq!(json(wrong.finish()), format!(r#"{{"old_password":["{WRONG_OLD}"]}}"#));
    }

    #[test]
    fn an_old_password_counts_only_where_it_is_required() {
        let body = r#"{"old_password":5,"new_password1":"12345","new_password2":"12345"}"#;
        assert!(change(body, false).old().is_none());
        assert_eq!(change(body, true).old().map(Secret::as_str), Some("5"));
        let body = r#"{"new_password1":"12345","new_password2":"12345"}"#;
        assert_eq!(json(change(body, false).finish()), "");
        assert_eq!(json(change(body, true).finish()), r#"{"old_password":["This field is required."]}"#);
    }

    #[test]
    fn a_password_has_at_most_128_characters() {
        let body = format!(r#"{{"new_password1":"{}","new_password2":"1"}}"#, "x".repeat(129));
        let expected = r#"{"new_password1":["Ensure this field has no more than 128 characters."]}"#;
        assert_eq!(json(change(&body, false).finish()), expected);
    }

    #[test]
    fn the_end_of_a_reset_tells_its_fields_in_the_order_of_the_contract() {
        let required = ["new_password1", "new_password2", "uid", "token"]
            .map(|name| format!(r#""{name}":["This field is required."]"#));
        assert_eq!(json(PasswordResetConfirm::parse(&fields("{}"))), format!("{{{}}}", required.join(",")));

        let good = r#"{"uid":1,"token":" t ","new_password1":"1","new_password2":"2"}"#;
        let reset = PasswordResetConfirm::parse(&fields(good)).expect("a reset");
        assert_eq!((reset.uid.as_str(), reset.token.as_str()), ("1", "t"));
    }
}
