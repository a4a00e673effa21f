//! What one call of a sequence asks for, in the words of the sequence: names, passwords and sessions by number.

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
    Rename { session: usize, to: Name },
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

impl Call {
    /// The address to which this may have a mail sent.
    pub(super) const fn mails_to(self) -> Option<usize> {
        match self {
            Self::AskForReset { email } | Self::AskForVerification { email } => Some(email.which),
            _ => None,
        }
    }
}
