//! The mails a server wrote as files: who they went to, their text, and the link that stands alone on a line.

use std::fs;
use std::path::{Path, PathBuf};

use mailparse::{MailHeaderMap, ParsedMail};
use reqwest::Url;

use super::{RESET_URL, VERIFY_URL};

pub(crate) struct Mailbox {
    folder: PathBuf,
}

pub(crate) struct Mail {
    pub(crate) file: String,
    pub(crate) source: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mailbox {
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Every mail, the oldest first; a folder that is not there holds none.
    pub(crate) fn all(&self) -> Vec<Mail> {
        let mut mails: Vec<Mail> = self.files().iter().map(|file| Mail::read(file)).collect();
        mails.sort_by_key(Mail::position);
        mails
    }

    /// One for each mail, in no order.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
        files
    }
}

impl Mail {
    pub(super) fn read(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        Self { file: file.file_name().unwrap().to_str().unwrap().to_owned(), ..Self::of(&bytes) }
    }

    /// One that went another way.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mail = mailparse::parse_mail(bytes).expect("a mail that can be read");
        Self {
            file: String::new(),
            to: mail.headers.get_first_value("To").expect("a mail has an addressee"),
            text: part(&mail, "text/plain").expect("a mail has a text part"),
            html: part(&mail, "text/html").unwrap_or_default(),
            source: String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Where its request stands in the log: files are named `<position>-<event-id>.eml`.
    pub(crate) fn position(&self) -> u64 {
        let digits = self.file.split('-').next().unwrap();
        digits.parse().unwrap_or_else(|_| panic!("a mail file starts with its position: {}", self.file))
    }

    pub(crate) fn is_to(&self, address: &str) -> bool {
        self.to.to_lowercase().contains(&address.to_lowercase())
    }

    /// Lines of the text part that are a link and nothing else.
    pub(crate) fn links(&self) -> Vec<Url> {
        let lines = self.text.lines().map(str::trim).filter(|line| line.starts_with("http"));
        lines.filter_map(|line| Url::parse(line).ok()).collect()
    }

    pub(crate) fn verify_key(&self) -> Option<String> {
        self.link(VERIFY_URL)?.value("key")
    }

    /// uid and token.
    pub(crate) fn reset_link(&self) -> Option<(String, String)> {
        let link = self.link(RESET_URL)?;
        Some((link.value("uid")?, link.value("token")?))
    }

    fn link(&self, template: &str) -> Option<Link> {
        let start = template.split('{').next().unwrap();
        self.links().into_iter().find(|url| url.as_str().starts_with(start)).map(Link)
    }
}

/// A link whose values are percent-decoded.
pub(crate) struct Link(Url);

impl Link {
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// The decoded body of the first part of this kind, however deep it is.
fn part(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    if mail.ctype.mimetype == kind {
        return Some(mail.get_body().expect("a part that can be decoded"));
    }
    mail.subparts.iter().find_map(|inner| part(inner, kind))
}
