//! What one call of a sequence asks for, in the words of the sequence: names, passwords and sessions by number.

use crate::support::About;

/// Each name can be typed in so many ways that mean the same.
pub(super) const SPELLINGS: usize = 3;

/// A username or an address: two with the same `which` are one name to the server, however they are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) which: usize,
    pub(super) spelling: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    Username(Name),
    Email(Name),
}

/// A session goes by the number of the call that began it, a refresh token by how many were given before it, a mail by
/// how many of its kind went to the address before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Register { username: Name, email: Name, password: usize },
    LogIn { by: Identity, password: usize },
    LogOut { session: usize, generation: usize },
    Refresh { session: usize, generation: usize },
    ChangePassword { session: usize, to: usize },
    AskForReset { email: Name },
    Reset { email: Name, mail: usize, to: usize },
    AskForVerification { email: Name },
    VerifyEmail { email: Name, mail: usize },
    ChangeEmail { session: usize, to: Name, password: usize },
    Rename { session: usize, to: Name },
    EndOne { session: usize, other: usize },
    EndOthers { session: usize },
    ShowUser { session: usize },
    CountSessions { session: usize },
    VerifyAccess { session: usize },
    VerifyRefresh { session: usize, generation: usize },
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused,
    User { username: Name, email: usize },
    Sessions(usize),
}

impl Name {
    /// As it is typed in the sequence of this number: a username may be in capitals or in wide letters.
    pub(super) fn username(self, sequence: usize) -> String {
        let letter = char::from(b'a' + u8::try_from(self.which).unwrap());
        match self.spelling {
            0 => format!("u{sequence}{letter}"),
            1 => format!("U{sequence}{}", letter.to_ascii_uppercase()),
            _ => format!("\u{ff55}{sequence}{letter}"),
        }
    }

    pub(super) fn email(self, sequence: usize) -> String {
        let letter = char::from(b'a' + u8::try_from(self.which).unwrap());
        match self.spelling {
            0 => format!("m{sequence}{letter}@example.com"),
            1 => format!("M{sequence}{}@example.com", letter.to_ascii_uppercase()),
            _ => format!("m{sequence}{letter}@Example.COM"),
        }
    }
}

impl Identity {
    /// In which field it goes, and how it is typed.
    pub(super) fn typed(self, sequence: usize) -> (&'static str, String) {
        match self {
            Self::Username(name) => ("username", name.username(sequence)),
            Self::Email(name) => ("email", name.email(sequence)),
        }
    }
}

impl Call {
    /// Whether it can be told in which order these two were taken, if they come at the same moment.
    pub(super) fn keeps_order_with(self, other: Self) -> bool {
        let same_box = self.links_to().is_some() && self.links_to() == other.links_to();
        if same_box && (self.is_blind() || other.is_blind()) {
            return false;
        }
        match (self, other) {
            // The password is looked at before the address is asked for, and this session outlives its change.
            (Self::ChangeEmail { session, .. }, Self::ChangePassword { session: by, .. })
            | (Self::ChangePassword { session: by, .. }, Self::ChangeEmail { session, .. }) => session != by,
            _ => true,
        }
    }

    /// What kind of link this may have sent, and to which address.
    const fn links_to(self) -> Option<(About, usize)> {
        match self {
            Self::AskForReset { email } => Some((About::Reset, email.which)),
            Self::AskForVerification { email }
            | Self::Register { email, .. }
            | Self::ChangeEmail { to: email, .. } => Some((About::Verification, email.which)),
            _ => None,
        }
    }

    /// Whether all that it may do is to have a mail sent, which is in no order with other mails.
    const fn is_blind(self) -> bool {
        matches!(self, Self::AskForReset { .. } | Self::AskForVerification { .. })
    }
}
