//! The last mails, taken apart to be looked at: so many and so large at most, the oldest go first. Knows neither SMTP nor HTTP.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mailparse::{MailHeaderMap, ParsedMail};

use crate::conversation::Mail;

/// How many are kept.
pub(crate) const MOST: usize = 1000;
/// In bytes, what was decoded included.
const ROOM: usize = 64 * 1024 * 1024;
/// Beyond so many parts a mail is an attempt to tie its reader up, who would follow it as deep as it goes.
const MOST_PARTS: usize = 100;

#[derive(Default)]
pub(crate) struct Mailbox {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    mails: VecDeque<Arc<Caught>>,
    /// How many ever came.
    count: u64,
    /// How much room they take, in bytes.
    size: usize,
}

/// A mail, with what its reader sees. What can't be made out is empty.
pub(crate) struct Caught {
    /// From 1, in the order of their arrival.
    pub(crate) id: u64,
    pub(crate) mail: Mail,
    pub(crate) subject: String,
    pub(crate) date: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mailbox {
    pub(crate) fn keep(&self, mail: Mail) {
        let caught = Caught::of(mail);
        let mut kept = self.kept();
        kept.count += 1;
        kept.size += caught.size();
        let id = kept.count;
        kept.mails.push_back(Arc::new(Caught { id, ..caught }));
        while kept.mails.len() > MOST || kept.size > ROOM {
            let Some(oldest) = kept.mails.pop_front() else { return };
            kept.size -= oldest.size();
        }
    }

    /// The oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Caught>> {
        self.kept().mails.iter().cloned().collect()
    }

    pub(crate) fn one(&self, id: u64) -> Option<Arc<Caught>> {
        self.kept().mails.iter().find(|caught| caught.id == id).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caught {
    fn of(mail: Mail) -> Self {
        let parsed = parts(&mail.source).then(|| mailparse::parse_mail(&mail.source).ok()).flatten();
        let header =
            |name| parsed.as_ref().and_then(|mail| mail.headers.get_first_value(name)).unwrap_or_default();
        let (subject, date) = (header("Subject"), header("Date"));
        let body = |kind| parsed.as_ref().and_then(|mail| part(mail, kind)).unwrap_or_default();
        let (text, html) = (body("text/plain"), body("text/html"));
        Self { id: 0, subject, date, text, html, mail }
    }

    /// The links in its text.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        pieces(&self.text).into_iter().filter(|(_, is_link)| *is_link).map(|(link, _)| link)
    }

    /// Room in memory, in bytes, as far as others decide it.
    fn size(&self) -> usize {
        let Self { mail: Mail { from, to, source }, subject, date, text, html, .. } = self;
        let texts = [from, subject, date, text, html].into_iter().chain(to);
        source.len() + texts.map(String::len).sum::<usize>()
    }
}

/// Whether it has few enough of them to be taken apart.
fn parts(source: &[u8]) -> bool {
    const HEADER: &[u8] = b"content-type";
    source.windows(HEADER.len()).filter(|window| window.eq_ignore_ascii_case(HEADER)).count() <= MOST_PARTS
}

/// The decoded body of the first part of this kind, however deep it is.
fn part(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    if mail.ctype.mimetype == kind {
        return mail.get_body().ok();
    }
    mail.subparts.iter().find_map(|inner| part(inner, kind))
}

/// A text cut where links begin and end, and whether each piece is one.
pub(crate) fn pieces(text: &str) -> Vec<(&str, bool)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = ["http://", "https://"].into_iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, link) = rest.split_at(start);
        let end = link.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(link.len());
        let (link, after) = link.split_at(end);
        pieces.extend([(before, false), (link, true)]);
        rest = after;
    }
    pieces.push((rest, false));
    pieces
}
