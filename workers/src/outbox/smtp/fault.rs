//! What can go wrong with a server, and what of it is its last word on a mail. What a server says may repeat the address of
//! whoever gets the mail: it is kept apart from what is told to operators, which holds codes alone.

use std::{error::Error as _, fmt, io};

use lettre::transport::smtp::Error;

use crate::outbox::{Answer, DeliverError};

use super::LONGEST;

/// Characters of an answer that are kept.
const ANSWER: usize = 300;

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Greeting,
    Tls,
    Login,
    Sender,
    Recipient,
    Data,
    Message,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the server answered {code} to {step}")]
    Answered { step: Step, code: String, is_final: bool, answer: String },
    #[error("the server's answer to {step} makes no sense")]
    Nonsense { step: Step },
    #[error("the conversation broke off at {step}: {cause}")]
    Broken { step: Step, cause: String },
    #[error("the server took longer than {} s", LONGEST.as_secs())]
    Slow,
}

impl Fault {
    pub(super) fn of(step: Step, error: &Error) -> Self {
        let Some(code) = error.status() else {
            // The text of the others is about this side and the network; this one quotes the server.
            if error.is_response() {
                return Self::Nonsense { step };
            }
            return Self::Broken { step, cause: error.to_string() };
        };
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        let enhanced = said.split(' ').next().filter(|word| is_enhanced_code(word));
        let is_final = error.is_permanent() && step.is_of_one_mail() && !wants_login(code.into());
        Self::Answered {
            step,
            code: enhanced.map_or(code.to_string(), |enhanced| format!("{code} {enhanced}")),
            is_final,
            answer: shortened(&format!("{code} {said}")),
        }
    }

    pub(super) fn unconnected(error: &io::Error) -> Self {
        Self::Broken { step: Step::Greeting, cause: error.to_string() }
    }

    /// Whether the server goes on talking after it.
    pub(super) const fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { .. })
    }
}

impl Step {
    /// What is refused before is refused to all mails, and is for the operator to mend.
    const fn is_of_one_mail(self) -> bool {
        matches!(self, Self::Sender | Self::Recipient | Self::Data | Self::Message)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Tls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "the message",
        })
    }
}

impl From<Fault> for DeliverError {
    fn from(fault: Fault) -> Self {
        let answer = match &fault {
            Fault::Answered { step, answer, .. } if step.is_of_one_mail() => Some(Answer(answer.clone())),
            _ => None,
        };
        match fault {
            Fault::Answered { is_final: true, .. } => Self::Permanent { source: fault.into(), answer },
            _ => Self::Temporary { source: fault.into(), answer },
        }
    }
}

/// That whoever sends must log in or encrypt first (RFC 4954, section 6) is no word on the mail.
const fn wants_login(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// `5.1.1` (RFC 3463).
fn is_enhanced_code(word: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    word.split('.').count() == 3 && word.split('.').all(is_number)
}

fn shortened(text: &str) -> String {
    text.chars().take(ANSWER).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
