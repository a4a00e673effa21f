//! The input of a front end that finishes a social login. Must not know what a code says.

use super::{errors::FieldErrors, field::TextField, secret::Secret, value::Fields};

/// What a login left with the front end.
#[derive(Debug, Clone)]
pub struct HandoffCode {
    pub code: Secret,
    /// Where it was begun with a challenge.
    pub verifier: Option<Secret>,
}

/// Of a code that is no code of ours, too old, somebody else's, or used; which one is nobody's business.
pub const BAD_CODE: &str = "This code is not valid any more.";

impl HandoffCode {
    pub fn parse(fields: &Fields) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let code = TextField::new("code").read(fields, &mut errors);
        let verifier = TextField::new("code_verifier").optional().read(fields, &mut errors);
        let verifier = verifier.filter(|verifier| !verifier.is_empty()).map(Secret::new);
        match code {
            Some(code) => errors.unless_any(Self { code: Secret::new(code), verifier }),
            None => Err(errors),
        }
    }
}

/// Whether a text is a challenge by S256 (RFC 7636, section 4.2).
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
