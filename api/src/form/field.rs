//! What makes the text of one field acceptable, and the sentence for each way in which it is not.
//! Must not know endpoints, nor anything that takes more than the text to decide.

use super::{
    email::is_email,
    errors::FieldErrors,
    value::{Fields, Text, Value},
    word::is_word,
};

/// Answered where a username holds a character that it may not hold.
pub const BAD_USERNAME: &str =
    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
const BAD_EMAIL: &str = "Enter a valid email address.";

/// Whether a field has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    /// May be absent; an HTML form leaves it out by leaving it empty, unless it may be blank.
    Optional,
    /// Required in principle, absent from a partial update.
    Partial,
}

/// What the text has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Email,
    Username,
}

/// A field of text. Blanks around it are cut off, and numbers are taken for their text.
#[derive(Debug, Clone, Copy)]
pub struct TextField {
    name: &'static str,
    presence: Presence,
    blank: bool,
    kind: Kind,
    max: Option<usize>,
}

impl TextField {
    /// A field that must be there and must not be blank.
    pub const fn new(name: &'static str) -> Self {
        Self { name, presence: Presence::Required, blank: false, kind: Kind::Plain, max: None }
    }

    #[must_use]
    pub const fn optional(self) -> Self {
        Self { presence: Presence::Optional, ..self }
    }

    #[must_use]
    pub const fn partial(self) -> Self {
        Self { presence: Presence::Partial, ..self }
    }

    /// Lets the field be blank: it is then read as empty text.
    #[must_use]
    pub const fn may_be_blank(self) -> Self {
        Self { blank: true, ..self }
    }

    #[must_use]
    pub const fn email(self) -> Self {
        Self { kind: Kind::Email, ..self }
    }

    #[must_use]
    pub const fn username(self) -> Self {
        Self { kind: Kind::Username, ..self }
    }

    /// The greatest length, in code points.
    #[must_use]
    pub const fn at_most(self, max: usize) -> Self {
        Self { max: Some(max), ..self }
    }

    /// The text of the field. `None` when it is absent and may be, or when it is faulty: `errors` then says why.
    pub fn read(&self, fields: &Fields, errors: &mut FieldErrors) -> Option<String> {
        match self.accept(fields) {
            Ok(text) => text,
            Err(messages) => {
                errors.add(self.name, messages);
                None
            }
        }
    }

    fn accept(&self, fields: &Fields) -> Result<Option<String>, Vec<String>> {
        let refuse = |sentence: &str| Err(vec![sentence.to_owned()]);
        let Some(value) = fields.get(self.name).filter(|value| !self.is_left_empty(value, fields)) else {
            return if self.presence == Presence::Required {
                refuse("This field is required.")
            } else {
                Ok(None)
            };
        };
        let (text, surrogate) = match value {
            Value::Null => return refuse("This field may not be null."),
            Value::Text(Text { text, surrogate }) => (strip(text), *surrogate),
            Value::Int(text) | Value::Float(text) => (text.as_str(), None),
            _ if self.kind == Kind::Email => return refuse(BAD_EMAIL),
            _ => return refuse("Not a valid string."),
        };
        if text.is_empty() {
            return if self.blank { Ok(Some(String::new())) } else { refuse("This field may not be blank.") };
        }
        let faults = self.faults(text, surrogate);
        if faults.is_empty() { Ok(Some(text.to_owned())) } else { Err(faults) }
    }

    fn is_left_empty(&self, value: &Value, fields: &Fields) -> bool {
        let empty = matches!(value, Value::Text(Text { text, .. }) if text.is_empty());
        empty && fields.is_html() && self.presence == Presence::Optional && !self.blank
    }

    /// All that is wrong with the text, in the order of the reference.
    fn faults(&self, text: &str, surrogate: Option<u16>) -> Vec<String> {
        let mut faults = Vec::new();
        if self.kind == Kind::Username && !is_username(text) {
            faults.push(BAD_USERNAME.to_owned());
        }
        let bad_email = self.kind == Kind::Email && !is_email(text);
        // The contract sets addresses no limit: what is no address is not told one either.
        let max = self.max.filter(|max| !bad_email && text.chars().count() > *max);
        if let Some(max) = max {
            faults.push(format!("Ensure this field has no more than {max} characters."));
        }
        if text.contains('\0') {
            faults.push("Null characters are not allowed.".to_owned());
        }
        if let Some(half) = surrogate {
            faults.push(format!("Surrogate characters are not allowed: U+{half:X}."));
        }
        if bad_email {
            faults.push(BAD_EMAIL.to_owned());
        }
        faults
    }
}

/// Whether each character may stand in a username: letters, numbers and `_` of any script, and `@.+-`.
pub fn is_username(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| is_word(letter) || "@.+-".contains(letter))
}

/// Cuts off what Python takes for blanks: Unicode's white space and the four separators U+001C to U+001F.
fn strip(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::body::read;

    const NAME: TextField = TextField::new("name");

    fn json(field: TextField, body: &str) -> Result<Option<String>, Vec<String>> {
        field.accept(&read(Some("application/json"), body.as_bytes()).expect("fields"))
    }

    fn html(field: TextField, body: &str) -> Result<Option<String>, Vec<String>> {
        field.accept(&read(Some("application/x-www-form-urlencoded"), body.as_bytes()).expect("fields"))
    }

    fn refused(sentences: &[&str]) -> Result<Option<String>, Vec<String>> {
        Err(sentences.iter().map(|sentence| (*sentence).to_owned()).collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "written as what it is compared with")]
    fn taken(text: &str) -> Result<Option<String>, Vec<String>> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn a_field_that_is_absent_null_blank_or_no_text_is_refused() {
        assert_eq!(json(NAME, "{}"), refused(&["This field is required."]));
        assert_eq!(json(NAME, r#"{"name":null}"#), refused(&["This field may not be null."]));
        assert_eq!(json(NAME, r#"{"name":""}"#), refused(&["This field may not be blank."]));
        assert_eq!(json(NAME, r#"{"name":" \u001f\u3000"}"#), refused(&["This field may not be blank."]));
        for value in ["true", "[]", "{}"] {
            assert_eq!(json(NAME, &format!("{{\"name\":{value}}}")), refused(&["Not a valid string."]));
            assert_eq!(json(NAME.email(), &format!("{{\"name\":{value}}}")), refused(&[BAD_EMAIL]));
        }
    }

    #[test]
    fn text_is_trimmed_and_numbers_are_text() {
        assert_eq!(json(NAME, r#"{"name":"\u00a0\u001cx y\u0085\n"}"#), taken("x y"));
        assert_eq!(json(NAME, r#"{"name":918273}"#), taken("918273"));
        assert_eq!(json(NAME, r#"{"name":1e22}"#), taken("1e+22"));
        assert_eq!(json(NAME, "{\"name\":\"\u{200b}x\u{feff}\"}"), taken("\u{200b}x\u{feff}"));
    }

    #[test]
    fn a_field_that_may_be_absent_or_blank_is_taken_so() {
        assert_eq!(json(NAME.optional(), "{}"), Ok(None));
        assert_eq!(json(NAME.partial(), "{}"), Ok(None));
        assert_eq!(json(NAME.optional(), r#"{"name":""}"#), refused(&["This field may not be blank."]));
        assert_eq!(json(NAME.optional().may_be_blank(), r#"{"name":"  "}"#), taken(""));
    }

    #[test]
    fn an_html_form_leaves_an_optional_field_out_by_leaving_it_empty() {
        assert_eq!(html(NAME.optional(), "name="), Ok(None));
        assert_eq!(html(NAME.optional(), "name=+"), refused(&["This field may not be blank."]));
        assert_eq!(html(NAME.optional().may_be_blank(), "name="), taken(""));
        assert_eq!(html(NAME.partial(), "name="), refused(&["This field may not be blank."]));
        assert_eq!(html(NAME, "name="), refused(&["This field may not be blank."]));
        assert_eq!(html(NAME, ""), refused(&["This field is required."]));
    }

    #[test]
    fn faults_come_together_in_the_order_of_the_reference() {
        let body = format!(r#"{{"name":"a b\u0000\ud800{}"}}"#, "x".repeat(150));
        let long = "Ensure this field has no more than 150 characters.";
        let (null, half) =
            ("Null characters are not allowed.", "Surrogate characters are not allowed: U+D800.");

        assert_eq!(json(NAME.username().at_most(150), &body), refused(&[BAD_USERNAME, long, null, half]));
        assert_eq!(json(NAME.email().at_most(150), &body), refused(&[null, half, BAD_EMAIL]));
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(json(NAME.at_most(3), r#"{"name":"名前é"}"#), taken("名前é"));
        let long = "Ensure this field has no more than 3 characters.";
        assert_eq!(json(NAME.at_most(3), r#"{"name":"名前é!"}"#), refused(&[long]));
    }

    #[test]
    fn a_file_is_no_text() {
        let body = b"--X\r\nContent-Disposition: form-data; name=name; filename=a\r\n\r\nb\r\n--X--";
        let fields = read(Some("multipart/form-data; boundary=X"), body).expect("fields");

        assert_eq!(NAME.accept(&fields), refused(&["Not a valid string."]));
    }

    #[test]
    fn usernames_are_made_of_words_and_four_signs() {
        for name in ["a+b@c.d-e_f", "ünïcode", "名前", "½²", "Ⅷ", "@"] {
            assert!(is_username(name), "{name}");
        }
        for name in [
            "",
            "with space",
            "semi;colon",
            "tab\tchar",
            "a/b",
            "e\u{301}",
            "हिन्दी",
            "Ⓐ",
            "a‿b",
            "a\u{200b}b",
        ] {
            assert!(!is_username(name), "{name}");
        }
    }
}
