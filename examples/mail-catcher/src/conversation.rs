//! A server's side of a conversation by SMTP (RFC 5321): what each line of the client means, and the mail once it is whole.
//! Knows no socket and says nothing: whoever holds the socket brings the lines, and answers. The server of the tests does, too.

use std::mem;

/// What one mail may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) recipients: usize,
    /// In bytes.
    pub(crate) size: usize,
}

/// A mail as it was handed over.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Empty for a mail that wants no answer.
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// As it was written, without the dots that the transport adds.
    pub(crate) source: Vec<u8>,
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Wants to hear what the server can do, if `extended`.
    Hello {
        extended: bool,
    },
    Encrypt,
    Login,
    Sender,
    /// The address.
    Recipient(String),
    /// Wants to hand the mail over: [`Conversation::accept`] comes before the next line, or the wish is refused.
    Data,
    /// A part of the mail, to which nothing is said.
    Text,
    Whole(Mail),
    Nothing,
    End,
    /// The answer that says why.
    Refused(&'static str),
}

/// How far a client has come.
#[derive(Debug)]
pub(crate) struct Conversation {
    limits: Limits,
    has_sender: bool,
    mail: Mail,
    reading: Option<Reading>,
}

/// Where in a mail.
#[derive(Debug)]
struct Reading {
    at_line_start: bool,
    too_large: bool,
}

impl Conversation {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, has_sender: false, mail: Mail::default(), reading: None }
    }

    /// The lines that follow are the mail.
    pub(crate) fn accept(&mut self) {
        self.reading = Some(Reading { at_line_start: true, too_large: false });
    }

    /// Takes one line, with its end.
    pub(crate) fn hear(&mut self, line: &[u8]) -> Heard {
        if self.reading.is_some() {
            return self.hear_text(line);
        }
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.start_over(Heard::Hello { extended: true }),
            "HELO" => self.start_over(Heard::Hello { extended: false }),
            "STARTTLS" => self.start_over(Heard::Encrypt),
            "RSET" => self.start_over(Heard::Nothing),
            "AUTH" => Heard::Login,
            "MAIL" => self.hear_sender(rest),
            "RCPT" => self.hear_recipient(rest),
            "DATA" if self.mail.to.is_empty() => Heard::Refused("503 5.5.1 nobody was named who gets it"),
            "DATA" => Heard::Data,
            "NOOP" => Heard::Nothing,
            "QUIT" => Heard::End,
            _ => Heard::Refused("502 5.5.1 unknown"),
        }
    }

    fn start_over(&mut self, heard: Heard) -> Heard {
        *self = Self::new(self.limits);
        heard
    }

    fn hear_sender(&mut self, rest: &str) -> Heard {
        let Some((from, parameters)) = path("FROM:", rest) else {
            return Heard::Refused("501 5.5.4 MAIL FROM:<address> is wanted");
        };
        if self.has_sender {
            return Heard::Refused("503 5.5.1 the sender is known already");
        }
        let told = parameters.split(' ').find_map(|word| word.strip_prefix("SIZE=")?.parse::<usize>().ok());
        if told.is_some_and(|size| size > self.limits.size) {
            return Heard::Refused(TOO_LARGE);
        }
        self.has_sender = true;
        from.clone_into(&mut self.mail.from);
        Heard::Sender
    }

    fn hear_recipient(&mut self, rest: &str) -> Heard {
        let Some((to, _)) = path("TO:", rest).filter(|(to, _)| !to.is_empty()) else {
            return Heard::Refused("501 5.5.4 RCPT TO:<address> is wanted");
        };
        if !self.has_sender {
            return Heard::Refused("503 5.5.1 the sender comes first");
        }
        if self.mail.to.len() >= self.limits.recipients {
            return Heard::Refused("452 4.5.3 too many recipients");
        }
        self.mail.to.push(to.to_owned());
        Heard::Recipient(to.to_owned())
    }

    fn hear_text(&mut self, line: &[u8]) -> Heard {
        let Some(reading) = &mut self.reading else { return Heard::Text };
        if reading.at_line_start && line == b".\r\n" {
            let too_large = reading.too_large;
            let mail = mem::take(&mut self.mail);
            let whole = if too_large { Heard::Refused(TOO_LARGE) } else { Heard::Whole(mail) };
            return self.start_over(whole);
        }
        let text = line.strip_prefix(b".").filter(|_| reading.at_line_start).unwrap_or(line);
        // A line feed alone ends no line, else a mail could be smuggled inside of another one.
        reading.at_line_start = line.ends_with(b"\r\n");
        reading.too_large |= self.mail.source.len() + text.len() > self.limits.size;
        if reading.too_large {
            self.mail.source = Vec::new();
        } else {
            self.mail.source.extend_from_slice(text);
        }
        Heard::Text
    }
}

const TOO_LARGE: &str = "552 5.3.4 the mail is too large";

/// The address between the angle brackets behind this word, whatever its case, and what follows them.
fn path<'l>(word: &str, rest: &'l str) -> Option<(&'l str, &'l str)> {
    let (beginning, rest) = rest.trim_start().split_at_checked(word.len())?;
    let rest = rest.trim_start().strip_prefix('<').filter(|_| beginning.eq_ignore_ascii_case(word))?;
    rest.split_once('>')
}
