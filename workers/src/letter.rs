//! Writes mails: one text for each purpose, as plain text and as HTML, and the link in it. The same event always gives
//! the same bytes. Knows neither how a mail travels nor how a link's secret is made, and no name that a user chose.

#[cfg(test)]
mod tests;
mod wording;

use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime},
};

use domain::{Time, mail::Purpose, name::canonical_email};
use lettre::{
    Address, Message,
    address::{AddressError, Envelope},
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue, Headers},
    },
};
use minijinja::{Environment, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use store::{Position, Recorded, link::ResetLink};
use uuid::Uuid;

pub use wording::TextsError;

/// All but RFC 3986's unreserved characters is encoded.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The end of the year 9999, beyond which a Date header can't go.
const LAST_DATE: i64 = 253_402_300_799;

/// Stands where a secret would.
const SAMPLE: &str = "sample";

/// Octets in a line of a message, without its end (RFC 5322, section 2.1.1).
const LONGEST_LINE: usize = 998;

/// Whom mails are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub name: Option<String>,
    pub address: String,
}

/// Where links lead: complete addresses with placeholders for what is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkUrls {
    /// With `{key}`.
    pub verify: String,
    /// With `{uid}` and `{token}`.
    pub reset: String,
}

/// What the link of a mail carries.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    VerifyEmail(String),
    ResetPassword(ResetLink),
}

/// What a mail is to say.
pub struct Brief<'a> {
    /// The event that asked for the mail: it gives the mail its id.
    pub event: &'a Recorded,
    pub purpose: Purpose,
    /// The address as its owner wrote it.
    pub to: &'a str,
    /// The mail's date.
    pub at: Time,
    /// The secret of the link and when it dies, for purposes that have one.
    pub link: Option<(Secret, Time)>,
}

/// What stands above a mail's text.
struct Head<'a> {
    id: Uuid,
    position: Position,
    to: &'a str,
    at: Time,
}

/// How a mail looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub subject: &'static str,
    pub text: String,
    pub html: String,
}

/// A mail, ready to go.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where the event that asked for it stands.
    pub position: Position,
    /// The id of that event.
    pub event: String,
    /// The bare address of the sender.
    pub from: String,
    /// The bare address of the recipient, its domain in ASCII, without control characters.
    pub to: String,
    /// What it is about, in a few words for a terminal.
    pub about: &'static str,
    pub link: Option<String>,
    /// The message (RFC 5322), lines ending in CRLF, ASCII throughout.
    pub message: Vec<u8>,
}

/// Without link and message, which hold the secret.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, event, about, .. } = self;
        f.debug_struct("Letter")
            .field("position", position)
            .field("event", event)
            .field("about", about)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ComposerError {
    #[error("no mail can be sent from {address}")]
    Sender {
        address: String,
        #[source]
        source: AddressError,
    },
    #[error("the texts of mails can't be used")]
    Texts(#[from] TextsError),
}

/// Why a mail can't be written, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("the address is none that mail can go to")]
    Address(#[from] AddressError),
    #[error("a mail for this purpose needs a link of its own kind")]
    Link,
    #[error("the text of the mail can't be filled in")]
    Text(#[from] minijinja::Error),
    #[error("the message can't be put together")]
    Message(#[from] lettre::error::Error),
}

/// Writes mails.
pub struct Composer {
    from: Mailbox,
    urls: LinkUrls,
    texts: Environment<'static>,
}

impl Composer {
    /// `texts`: a folder of texts that take the place of the built-in ones. Each is filled in once here, so that no mail meets
    /// one that can't be.
    pub fn new(sender: Sender, urls: LinkUrls, texts: Option<&Path>) -> Result<Self, ComposerError> {
        let mailbox = |sender: &Sender| {
            let mailbox = Mailbox::new(sender.name.clone(), address(&sender.address)?);
            // The message is built from what this header reads as.
            mailbox.to_string().parse::<Mailbox>()
        };
        let from =
            mailbox(&sender).map_err(|source| ComposerError::Sender { address: sender.address, source })?;
        let composer = Self { from, urls, texts: wording::texts(texts)? };
        composer.check()?;
        Ok(composer)
    }

    fn check(&self) -> Result<(), TextsError> {
        let filled = |error| TextsError::Text(Box::new(error));
        self.fill(&wording::TEST, None, "").map_err(filled)?;
        for purpose in Purpose::ALL {
            let words = wording::of(purpose);
            let link = wording::has_link(purpose).then_some(SAMPLE);
            let (text, _) = self.fill(&words, link, SAMPLE).map_err(filled)?;
            if text.trim().is_empty() {
                return Err(TextsError::Empty(words.name));
            }
            if link.is_some() && !text.lines().any(|line| line == SAMPLE) {
                return Err(TextsError::NoLink(words.name));
            }
        }
        Ok(())
    }

    /// Writes the mail.
    pub fn compose(&self, brief: &Brief<'_>) -> Result<Letter, ComposeError> {
        let (link, expires) = match (&brief.link, wording::has_link(brief.purpose)) {
            (Some((secret, expires_at)), true) => {
                (Some(self.link(brief.purpose, secret)?), spelled(*expires_at))
            }
            (None, false) => (None, String::new()),
            (Some(_), false) | (None, true) => return Err(ComposeError::Link),
        };
        let Brief { event, to, at, .. } = brief;
        let head = Head { id: event.event.id, position: event.position, to, at: *at };
        self.letter(&head, &wording::of(brief.purpose), link, &expires)
    }

    /// A mail that says that mails arrive.
    pub fn test(&self, to: &str, id: Uuid, at: Time) -> Result<Letter, ComposeError> {
        let head = Head { id, position: Position::BEGINNING, to, at };
        self.letter(&head, &wording::TEST, None, "")
    }

    /// How the mails of one purpose look, with a link that opens nothing and works until then.
    pub fn preview(&self, purpose: Purpose, expires: Time) -> Result<Preview, ComposeError> {
        let secret = match purpose {
            Purpose::VerifyEmail => Some(Secret::VerifyEmail(SAMPLE.to_owned())),
            Purpose::ResetPassword => {
                Some(Secret::ResetPassword(ResetLink { uid: SAMPLE.to_owned(), token: SAMPLE.to_owned() }))
            }
            Purpose::PasswordChanged
            | Purpose::PasswordReset
            | Purpose::EmailChangeRequested
            | Purpose::SocialAccountLinked
            | Purpose::SocialAccountUnlinked => None,
        };
        let link = secret.map(|secret| self.link(purpose, &secret)).transpose()?;
        let words = wording::of(purpose);
        let (text, html) = self.fill(&words, link.as_deref(), &spelled(expires))?;
        Ok(Preview { subject: words.subject, text, html })
    }

    fn letter(
        &self,
        head: &Head<'_>,
        words: &wording::Words,
        link: Option<String>,
        expires: &str,
    ) -> Result<Letter, ComposeError> {
        let to = address(head.to)?;
        let (text, html) = self.fill(words, link.as_deref(), expires)?;
        let parts = MultiPart::alternative()
            .boundary(format!("stele-{}", head.id))
            .singlepart(part(ContentType::TEXT_PLAIN, text))
            .singlepart(part(ContentType::TEXT_HTML, html));
        let message = self.message(head, words.subject, &to, parts)?;
        Ok(Letter {
            position: head.position,
            event: head.id.to_string(),
            from: self.from.email.to_string(),
            to: to.to_string(),
            about: words.about,
            link,
            message: message.formatted(),
        })
    }

    /// The plain text and the HTML.
    fn fill(
        &self,
        words: &wording::Words,
        link: Option<&str>,
        expires: &str,
    ) -> Result<(String, String), minijinja::Error> {
        let account = match &self.from.name {
            Some(name) => format!("your account at {name}"),
            None => "your account".to_owned(),
        };
        let values = context! { subject => words.subject, account, link, expires };
        let fill = |kind| self.texts.get_template(&format!("{}.{kind}", words.name))?.render(&values);
        Ok((fill("txt")?, fill("html")?))
    }

    fn message(
        &self,
        head: &Head<'_>,
        subject: &str,
        to: &Address,
        parts: MultiPart,
    ) -> Result<Message, ComposeError> {
        let id = format!("<{}@{}>", head.id, self.from.email.domain());
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()])?;
        Ok(Message::builder()
            .envelope(envelope)
            .date(moment(head.at))
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .message_id(Some(id))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .multipart(parts)?)
    }

    fn link(&self, purpose: Purpose, secret: &Secret) -> Result<String, ComposeError> {
        let encoded = |text: &str| utf8_percent_encode(text, &RESERVED).to_string();
        match (purpose, secret) {
            (Purpose::VerifyEmail, Secret::VerifyEmail(key)) => {
                Ok(self.urls.verify.replace("{key}", &encoded(key)))
            }
            (Purpose::ResetPassword, Secret::ResetPassword(ResetLink { uid, token })) => {
                Ok(self.urls.reset.replace("{uid}", &encoded(uid)).replace("{token}", &encoded(token)))
            }
            _ => Err(ComposeError::Link),
        }
    }
}

/// An address that any server takes: the domain in its ASCII form, the part before it in ASCII, and nothing in it that
/// could end a header.
fn address(text: &str) -> Result<Address, AddressError> {
    let (local, domain) = text.rsplit_once('@').ok_or(AddressError::MissingParts)?;
    if !local.is_ascii() {
        return Err(AddressError::InvalidUser);
    }
    let canonical = if domain.is_ascii() { None } else { Some(canonical_email(text)) };
    let domain =
        canonical.as_ref().and_then(|address| address.rsplit_once('@')).map_or(domain, |(_, ascii)| ascii);
    if !domain.is_ascii() || text.chars().any(char::is_control) {
        return Err(AddressError::InvalidInput);
    }
    Address::new(local, domain)
}

/// Text as it is where every line fits into a message, so that the link in a file can be found and clicked; else in
/// quoted-printable.
fn part(kind: ContentType, text: String) -> SinglePart {
    let fits = text.is_ascii() && !text.contains('\r') && text.lines().all(|line| line.len() <= LONGEST_LINE);
    let body = if fits {
        let lines = text.replace('\n', "\r\n").into_bytes();
        Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit)
    } else {
        let encoded = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable);
        encoded.unwrap_or_else(Body::new)
    };
    SinglePart::builder().header(kind).body(body)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn moment(at: Time) -> SystemTime {
    let seconds = u64::try_from(at.seconds().clamp(0, LAST_DATE)).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A moment for people, rounded down to the minute: `Tue, 24 Nov 2026 22:44 UTC`.
fn spelled(at: Time) -> String {
    let mut headers = Headers::new();
    headers.set(Date::new(moment(at)));
    let date = headers.get_raw("Date").unwrap_or_default();
    format!("{} UTC", date.rsplit_once(':').map_or(date, |(minutes, _)| minutes))
}
