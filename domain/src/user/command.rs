//! The orders that a user's stream takes.

use std::time::Duration;

use super::{Names, PasswordHash, Registration};
use crate::{KeyId, Private, ReservationId, SessionId, Time};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Register(Box<Registration>),
    /// Registers someone whom a provider of identities vouches for.
    SignUp(Box<Registration>, Identity),
    /// Fences off a registration that claimed names and was never born.
    AbandonRegistration {
        at: Time,
    },
    /// Gives up a claim that does not count, or an address that was not verified in time, to someone else.
    AbandonClaim {
        reservation: ReservationId,
        verify_ttl: Duration,
        at: Time,
    },
    /// Whoever says this holds the link that was sent to `address` (in canonical form).
    VerifyEmail {
        address: String,
        at: Time,
    },
    RequestEmailChange {
        proof: Proof,
        email: Private<String>,
        reservation: ReservationId,
        at: Time,
    },
    ChangePassword(ChangePassword),
    /// Whoever says this holds a link that was made in `epoch`.
    ResetPassword {
        epoch: u32,
        password: Private<PasswordHash>,
        at: Time,
    },
    /// The same password under newer parameters; `replaces` is the hash that it was verified against.
    RehashPassword {
        replaces: KeyId,
        password: Private<PasswordHash>,
        at: Time,
    },
    UpdateProfile(UpdateProfile),
    LinkSocialAccount {
        by: Grounds,
        identity: Identity,
        at: Time,
    },
    UnlinkSocialAccount(Unlink),
    Disable {
        at: Time,
    },
    Enable {
        at: Time,
    },
}

/// The session through which a user gives a command, and the epoch that it was verified against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub session: SessionId,
    pub epoch: u32,
}

/// A person as a provider of identities knows him, and the reservation under which he is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub provider: String,
    pub subject: Private<String>,
    pub claim: ReservationId,
}

/// Why an account at a provider may be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grounds {
    /// The user asks for it.
    Session(Proof),
    /// The provider vouches for this address (in canonical form).
    Address(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlink {
    pub proof: Proof,
    pub id: u32,
    /// The providers through which anyone can come in now.
    pub offered: Vec<String>,
    /// Whether nobody comes in with a password who has no address to go with it.
    pub by_address_alone: bool,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePassword {
    pub proof: Proof,
    pub password: Private<PasswordHash>,
    /// Whether the session that makes the change lives on; all others end.
    pub keep_session: bool,
    pub at: Time,
}

/// New names as a whole. `claim` is the reservation of the new username where its canonical form is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateProfile {
    pub proof: Proof,
    pub names: Private<Names>,
    pub claim: Option<ReservationId>,
    pub at: Time,
}
