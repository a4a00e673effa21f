//! The words of mails: subjects, and the texts to be filled in. Subjects are fixed; nothing that a user chose gets near a
//! mail's head.

use domain::mail::Purpose;
use minijinja::{Environment, UndefinedBehavior};

/// What is fixed about the mails of one purpose.
pub(super) struct Words {
    /// Names the texts: `<name>.txt` and `<name>.html`.
    pub(super) name: &'static str,
    pub(super) subject: &'static str,
    /// For the terminal.
    pub(super) about: &'static str,
}

const TEXTS: [(&str, &str); 12] = [
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
];

/// All texts. Those in HTML escape what is filled in.
pub(super) fn texts() -> Result<Environment<'static>, minijinja::Error> {
    let mut texts = Environment::new();
    texts.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in TEXTS {
        texts.add_template(name, text)?;
    }
    Ok(texts)
}

pub(super) const fn has_link(purpose: Purpose) -> bool {
    match purpose {
        Purpose::VerifyEmail | Purpose::ResetPassword => true,
        Purpose::PasswordChanged | Purpose::PasswordReset | Purpose::EmailChangeRequested => false,
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
    }
}
