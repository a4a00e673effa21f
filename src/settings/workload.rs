//! How much is done at once, and how often anyone may try.

use std::{num::NonZeroU32, time::Duration};

use ::api::config::{Limit, Limits};

use super::{
    error::ValueError,
    given::Raw,
    reader::Reader,
    span::{self, Span},
    value::{Value, not, quoted},
};

/// The pool that hashes passwords.
#[derive(Debug)]
pub(crate) struct Hash {
    threads: usize,
    /// How many passwords may wait for a thread.
    pub(crate) queue: usize,
    /// How long one may wait and be hashed.
    pub(crate) deadline: Duration,
}

impl Hash {
    pub(super) fn read(from: &mut Reader) -> Self {
        Self {
            threads: from.get(
                "hash.threads",
                0,
                "Threads that hash passwords; 0: one less than there are cores.",
            ),
            queue: from.above_zero(
                "hash.queue",
                64,
                "Passwords that may wait for a thread; one more is answered 503.",
            ),
            deadline: from.span(
                "hash.deadline",
                Duration::from_secs(2),
                "How long a password may wait before it is answered 503.",
            ),
        }
    }

    /// How many threads hash on a machine with so many cores; at least one.
    pub(crate) fn threads(&self, cores: usize) -> usize {
        if self.threads > 0 { self.threads } else { cores.saturating_sub(1).max(1) }
    }
}

#[derive(Debug)]
pub(crate) struct Revocation {
    /// How long a node may hear nothing from the log and still trust what it knows of revocations.
    pub(crate) max_silence: Duration,
}

impl Revocation {
    pub(super) fn read(from: &mut Reader) -> Self {
        let max_silence = from.span(
            "revocation.max_silence",
            Duration::from_mins(1),
            "How long a node that hears nothing of revocations still answers; then it is 503.",
        );
        Self { max_silence }
    }
}

pub(super) fn limits(from: &mut Reader) -> Limits {
    let enabled =
        from.get("limits.enabled", true, "Whether attempts are counted; one over its limit is answered 429.");
    let few = often(10, Duration::from_mins(5));
    let many = often(300, Duration::from_mins(10));
    let login = "Logins for one account from one network: so many in so long.";
    let check = "Checks of the old password for one account from one network.";
    let change = "New passwords and addresses of one account, from wherever.";
    let profile = "Changes of one account's names, from wherever.";
    let link = "Links of mails that come back from one network.";
    let social = "Logins through one provider of identities from one network.";
    let network = "Everything that is counted by network, together.";
    Limits {
        enabled,
        login: from.get("limits.login", few, login),
        password_check: from.get("limits.password_check", few, check),
        reset: of_address(from, "limits.reset", "Reset mails for one address from one network."),
        resend: of_address(from, "limits.resend", "Verification mails sent again, likewise."),
        registration: of_address(from, "limits.registration", "Registrations, likewise."),
        change: from.get("limits.change", often(10, Duration::from_hours(1)), change),
        profile: from.get("limits.profile", often(60, Duration::from_hours(1)), profile),
        link: from.get("limits.link", often(60, Duration::from_mins(10)), link),
        social: from.get("limits.social", often(100, Duration::from_mins(10)), social),
        network: from.get("limits.network", many, network),
    }
}

fn of_address(from: &mut Reader, name: &'static str, about: &'static str) -> Limit {
    from.get(name, often(5, Duration::from_hours(1)), about)
}

const fn often(count: u32, window: Duration) -> Limit {
    Limit { count, window }
}

impl Value for Limit {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        parse(text).ok_or_else(|| not(text, "a limit such as 10/5m: so many in so long"))
    }

    fn show(&self) -> String {
        quoted(&format!("{}/{}", self.count, Span(self.window)))
    }
}

fn parse(text: &str) -> Option<Limit> {
    let (count, window) = text.split_once('/')?;
    let count: NonZeroU32 = count.parse().ok()?;
    let window = span::parse(window).filter(|window| !window.is_zero())?;
    Some(Limit { count: count.get(), window })
}
