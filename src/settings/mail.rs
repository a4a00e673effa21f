//! Where mails go, whom they are from, and the links in them.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use domain::name::canonical_email;
use workers::outbox::smtp;

use super::{
    backend::Outbox,
    error::ValueError,
    given::Raw,
    link::{ResetUrl, VerifyUrl},
    reader::Reader,
    value::{Value, not, quoted},
};

#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) outbox: Outbox,
    /// Whether mails may go to the server unencrypted.
    pub(crate) allow_plaintext: bool,
    /// Who vouches for the server, in place of the public authorities.
    pub(crate) ca_file: Option<PathBuf>,
    /// How many mails are handed to the server at once.
    pub(crate) connections: usize,
    pub(crate) from: Sender,
    /// Texts in place of the built-in ones.
    pub(crate) templates: Option<PathBuf>,
    /// While these are not set, links lead to Stele's own pages: `Settings::links` knows.
    pub(super) verify_url: Option<VerifyUrl>,
    pub(super) reset_url: Option<ResetUrl>,
}

impl Mail {
    /// The setting that names a server: mails on it reach other machines.
    pub(super) fn shared(&self) -> Option<&'static str> {
        self.outbox.url().map(|_| "mail.url")
    }

    pub(super) fn read(from: &mut Reader, data: &Path) -> Self {
        let outbox = from.get(
            "mail.url",
            Outbox::Files(data.join("mail")),
            "Where mails go: file: and a folder, smtp://user:password@host:port (STARTTLS), or smtps://….",
        );
        let is_local = outbox.url().is_some_and(smtp::Url::is_local);
        Self {
            outbox,
            allow_plaintext: from.get(
                "mail.allow_plaintext",
                is_local,
                "Whether smtp: goes without TLS. True where the server is on this machine, unless it is said.",
            ),
            ca_file: from.optional(
                "mail.ca_file",
                "A PEM file of those who vouch for the mail server, in place of the public authorities.",
            ),
            connections: from.above_zero(
                "mail.connections",
                4,
                "Mails that are handed to a mail server at once. If the process dies, these may come twice.",
            ),
            from: from.get(
                "mail.from",
                Sender { name: None, address: "stele@localhost".to_owned() },
                "The sender: an address, or a name and the address in angle brackets.",
            ),
            templates: from.optional(
                "mail.templates",
                "A folder of texts in place of the built-in ones, under the same names, such as verify-email.txt.",
            ),
            verify_url: from.optional(
                "mail.verify_url",
                "The link that verifies an address, with {key} in it; empty: a page of Stele's own.",
            ),
            reset_url: from.optional(
                "mail.reset_url",
                "The link to a new password, with {uid} and {token} in it; empty: a page of Stele's own.",
            ),
        }
    }
}

/// Whom mails are from. Shown as a mail's header has it, the name quoted: `"Stele" <stele@localhost>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) name: Option<String>,
    /// One `@`, no space, no control character.
    pub(crate) address: String,
}

impl Sender {
    /// The part of the address after the @, in ASCII.
    pub(crate) fn domain(&self) -> String {
        let canonical = canonical_email(&self.address);
        canonical.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.to_owned())
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (unquoted(name.trim()), address),
            None => ("", text),
        };
        let is_name = !name.chars().any(char::is_control) && !name.contains(['"', '<', '>', '\\']);
        let (local, domain) = address.split_once('@')?;
        (is_name && is_part(local) && is_part(domain))
            .then(|| Self { name: (!name.is_empty()).then(|| name.to_owned()), address: address.to_owned() })
    }
}

fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name)
}

/// A part of an address in its usual, unquoted form (RFC 5322, section 3.2.3), without an IP address for a
/// domain.
fn is_part(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(plain))
}

impl fmt::Display for Sender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, "\"{name}\" <{}>", self.address),
            None => out.write_str(&self.address),
        }
    }
}

impl Value for Sender {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        Self::parse(text)
            .ok_or_else(|| not(text, "an address such as auth@example.com or Example <auth@example.com>"))
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let bare = Sender::parse("auth@example.com").unwrap();
        assert_eq!(bare.to_string(), "auth@example.com");
        for text in ["Our Team, Inc. <auth@example.com>", "\"Our Team, Inc.\" <auth@example.com>"] {
            let named = Sender::parse(text).unwrap();
            assert_eq!(named.name.as_deref(), Some("Our Team, Inc."));
            assert_eq!(Sender::parse(&named.to_string()), Some(named));
        }
    }

    #[test]
    fn what_would_break_a_header_is_no_sender() {
        for text in [
            "",
            "auth",
            "@example.com",
            "auth@",
            "a@b@c",
            "a@b, c@d",
            "a b@c",
            "A\r\nBcc: x@y <a@b>",
            "a@b\n",
            "<a@b> x",
            "a@b..c",
        ] {
            assert_eq!(Sender::parse(text), None, "{text:?}");
        }
    }
}
