//! Somebody who has an account at a provider.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// What he types on the provider's page.
pub(crate) const PASSWORD_THERE: &str = "0pen-sesame-there";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// What he is known by there and nowhere else: digits, as at most providers.
    pub(crate) subject: String,
    pub(crate) login: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// With whether the provider says that it is his; the first is the main one.
    pub(crate) emails: Vec<(String, bool)>,
}

impl Person {
    /// With a verified address.
    pub(crate) fn named(login: &str) -> Self {
        let digest = HEXLOWER.encode(&Sha256::digest(login));
        let number = u64::from_str_radix(&digest[..12], 16).expect("hexadecimal digits");
        let capital = login[..1].to_uppercase() + &login[1..];
        Self {
            subject: (100_000_000 + number).to_string(),
            login: login.to_owned(),
            first_name: capital,
            last_name: "Example".to_owned(),
            emails: vec![(format!("{login}@example.com"), true)],
        }
    }

    /// With this address alone.
    pub(crate) fn with_email(mut self, email: &str, verified: bool) -> Self {
        self.emails = vec![(email.to_owned(), verified)];
        self
    }

    pub(crate) fn without_email(mut self) -> Self {
        self.emails.clear();
        self
    }

    pub(super) fn email(&self) -> Option<&(String, bool)> {
        self.emails.first()
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// For providers whose ids are numbers in JSON.
    pub(super) fn number(&self) -> u64 {
        self.subject.parse().expect("a subject of digits")
    }
}
