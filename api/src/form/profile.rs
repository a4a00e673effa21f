//! The input of an update of one's own account. Must not know the account, nor who else holds a name.

use super::{errors::FieldErrors, field::TextField, registration::USERNAME_TAKEN, value::Fields};

const MAX_NAME: usize = 150;

/// How much of the account an update has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// PUT: the username must be there.
    Whole,
    /// PATCH.
    Part,
}

/// The new values of those fields that were sent; `pk`, `email` and unknown fields are ignored, as the contract wants.
/// In its field stage: look up the username if it is there, report it if it is someone else's, then finish.
#[derive(Debug, Clone)]
pub struct UserUpdate {
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    errors: FieldErrors,
}

impl UserUpdate {
    pub fn read(fields: &Fields, extent: Extent) -> Self {
        let mut errors = FieldErrors::in_order(&["username", "first_name", "last_name"]);
        let username = TextField::new("username").username().at_most(MAX_NAME);
        let username = if extent == Extent::Part { username.partial() } else { username };
        let name = |name| TextField::new(name).optional().may_be_blank().at_most(MAX_NAME);
        Self {
            username: username.read(fields, &mut errors),
            first_name: name("first_name").read(fields, &mut errors),
            last_name: name("last_name").read(fields, &mut errors),
            errors,
        }
    }

    pub fn username_is_taken(&mut self) {
        self.errors.add("username", [USERNAME_TAKEN.to_owned()]);
    }

    /// Ends the field stage. There is no other.
    pub fn finish(self) -> Result<Self, FieldErrors> {
        if self.errors.is_empty() { Ok(self) } else { Err(self.errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    fn update(content_type: &str, body: &str, extent: Extent) -> Result<[Option<String>; 3], String> {
        let fields = read(Some(content_type), body.as_bytes()).expect("fields");
        let update =
            UserUpdate::read(&fields, extent).finish().map_err(|errors| errors.to_json().to_string())?;
        Ok([update.username, update.first_name, update.last_name])
    }

    fn json(body: &str, extent: Extent) -> Result<[Option<String>; 3], String> {
        update("application/json", body, extent)
    }

    fn html(body: &str, extent: Extent) -> Result<[Option<String>; 3], String> {
        update("application/x-www-form-urlencoded", body, extent)
    }

    fn refused(json: &str) -> Result<[Option<String>; 3], String> {
        Err(json.to_owned())
    }

    #[expect(clippy::unnecessary_wraps, reason = "written as what it is compared with")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_not_sent_is_not_changed_and_what_is_read_only_is_ignored() {
        let body = r#"{"pk":9,"email":"bad","is_staff":true,"first_name":" Ada ","last_name":"  "}"#;
        assert_eq!(json(body, Extent::Part), Ok([None, some("Ada"), some("")]));
        assert_eq!(json("{}", Extent::Part), Ok([None, None, None]));
        assert_eq!(json(r#"{"username":"ada"}"#, Extent::Whole), Ok([some("ada"), None, None]));
    }

    #[test]
    fn a_whole_update_needs_the_username() {
        let required = refused(r#"{"username":["This field is required."]}"#);
        assert_eq!(json("{}", Extent::Whole), required);
        assert_eq!(html("first_name=A", Extent::Whole), required);
    }

    #[test]
    fn an_empty_username_is_refused_and_an_empty_name_is_taken() {
        let blank = refused(r#"{"username":["This field may not be blank."]}"#);
        assert_eq!(html("username=", Extent::Part), blank);
        assert_eq!(html("username=&first_name=A", Extent::Whole), blank);
        assert_eq!(html("first_name=&last_name=+", Extent::Part), Ok([None, some(""), some("")]));
    }

    #[test]
    fn every_faulty_field_is_told() {
        let body = r#"{"username":null,"first_name":true,"last_name":[]}"#;
        let expected = r#"{"username":["This field may not be null."],"first_name":["Not a valid string."],"last_name":["Not a valid string."]}"#;
        assert_eq!(json(body, Extent::Whole), refused(expected));
    }

    #[test]
    fn a_username_that_is_taken_is_told_beside_other_faults() {
        let fields =
            read(Some("application/json"), br#"{"username":"bob","first_name":true}"#).expect("fields");
        let mut update = UserUpdate::read(&fields, Extent::Part);
        update.username_is_taken();

        let expected = r#"{"username":["A user with that username already exists."],"first_name":["Not a valid string."]}"#;
        assert_eq!(
            update.finish().map(drop).map_err(|errors| errors.to_json().to_string()),
            Err(expected.to_owned())
        );
    }
}
