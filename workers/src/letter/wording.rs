//! The words of mails: subjects, and the texts to be filled in. Subjects are fixed; nothing that a user chose gets near a
//! mail's head.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use domain::mail::Purpose;
use minijinja::{Environment, UndefinedBehavior};

/// What is wrong with the texts of mails.
#[derive(Debug, thiserror::Error)]
pub enum TextsError {
    #[error("{} can't be read", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is the text of no mail; there are {}", .path.display(), names())]
    Unknown { path: PathBuf },
    #[error("a text can't be filled in")]
    Text(#[source] Box<minijinja::Error>),
    #[error("{0}.txt must show {{{{ link }}}} on a line of its own")]
    NoLink(&'static str),
    #[error("{0}.txt is empty")]
    Empty(&'static str),
}

fn names() -> String {
    TEXTS.map(|(name, _)| name).join(", ")
}

/// What is fixed about the mails of one purpose.
pub(super) struct Words {
    /// Names the texts: `<name>.txt` and `<name>.html`.
    pub(super) name: &'static str,
    pub(super) subject: &'static str,
    /// For the terminal.
    pub(super) about: &'static str,
}

const TEXTS: [(&str, &str); 18] = [
    ("layout.html", include_str!("layout.html")),
    ("link.html", include_str!("link.html")),
    ("verify-email.txt", include_str!("verify-email.txt")),
    ("verify-email.html", include_str!("verify-email.html")),
    ("reset-password.txt", include_str!("reset-password.txt")),
    ("reset-password.html", include_str!("reset-password.html")),
    ("password-changed.txt", include_str!("password-changed.txt")),
    ("password-changed.html", include_str!("password-changed.html")),
    ("password-reset.txt", include_str!("password-reset.txt")),
    ("password-reset.html", include_str!("password-reset.html")),
    ("email-change-requested.txt", include_str!("email-change-requested.txt")),
    ("email-change-requested.html", include_str!("email-change-requested.html")),
    ("social-account-linked.txt", include_str!("social-account-linked.txt")),
    ("social-account-linked.html", include_str!("social-account-linked.html")),
    ("social-account-unlinked.txt", include_str!("social-account-unlinked.txt")),
    ("social-account-unlinked.html", include_str!("social-account-unlinked.html")),
    ("test.txt", include_str!("test.txt")),
    ("test.html", include_str!("test.html")),
];

/// A mail that an operator sends himself.
pub(super) const TEST: Words = Words { name: "test", subject: "A test mail", about: "a test" };

/// How many steps a text may take to be filled in: one that loops is told at the start.
const FUEL: u64 = 100_000;

/// All texts, with those of a folder in place of the built-in ones of the same name. Those in HTML escape what is filled in.
pub(super) fn texts(folder: Option<&Path>) -> Result<Environment<'static>, TextsError> {
    let mut texts = Environment::new();
    texts.set_undefined_behavior(UndefinedBehavior::Strict);
    texts.set_fuel(Some(FUEL));
    for (name, text) in TEXTS {
        texts.add_template(name, text).map_err(|error| TextsError::Text(Box::new(error)))?;
    }
    for (name, text) in folder.map(own).transpose()?.unwrap_or_default() {
        texts.add_template_owned(name, text).map_err(|error| TextsError::Text(Box::new(error)))?;
    }
    Ok(texts)
}

/// The texts in a folder, each under a name that there is.
fn own(folder: &Path) -> Result<Vec<(&'static str, String)>, TextsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TextsError::Unreadable { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let known = TEXTS.iter().find(|(name, _)| path.file_name().is_some_and(|file| file == *name));
        let Some((name, _)) = known else { return Err(TextsError::Unknown { path }) };
        // A pipe, for instance, would be waited for.
        let read =
            if path.is_file() { fs::read_to_string(&path) } else { Err(io::ErrorKind::InvalidInput.into()) };
        found.push((*name, read.map_err(unreadable(&path))?));
    }
    Ok(found)
}

pub(super) const fn has_link(purpose: Purpose) -> bool {
    match purpose {
        Purpose::VerifyEmail | Purpose::ResetPassword => true,
        Purpose::PasswordChanged
        | Purpose::PasswordReset
        | Purpose::EmailChangeRequested
        | Purpose::SocialAccountLinked
        | Purpose::SocialAccountUnlinked => false,
    }
}

pub(super) const fn of(purpose: Purpose) -> Words {
    match purpose {
        Purpose::VerifyEmail => Words {
            name: "verify-email",
            subject: "Verify your e-mail address",
            about: "verify your address",
        },
        Purpose::ResetPassword => {
            Words { name: "reset-password", subject: "Choose a new password", about: "choose a new password" }
        }
        Purpose::PasswordChanged => Words {
            name: "password-changed",
            subject: "Your password was changed",
            about: "your password was changed",
        },
        Purpose::PasswordReset => Words {
            name: "password-reset",
            subject: "Your password was reset",
            about: "your password was reset",
        },
        Purpose::EmailChangeRequested => Words {
            name: "email-change-requested",
            subject: "A new e-mail address was asked for",
            about: "a new address was asked for",
        },
        Purpose::SocialAccountLinked => Words {
            name: "social-account-linked",
            subject: "Another way to log in was added",
            about: "another way to log in was added",
        },
        Purpose::SocialAccountUnlinked => Words {
            name: "social-account-unlinked",
            subject: "A way to log in was removed",
            about: "a way to log in was removed",
        },
    }
}
