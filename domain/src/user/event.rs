//! The facts that a user's stream holds, in their newest shape; older stored shapes would be decoded here alone.

use serde::{Deserialize, Serialize};

use crate::{Private, ReservationId, SessionId, Time};

/// How a person is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Names {
    pub username: String,
    pub first_name: String,
    pub last_name: String,
}

/// A password hash in its self-describing form, such as a PHC string.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Registration {
    pub names: Private<Names>,
    /// None where a provider of identities knew none; then there is no claim on it either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Private<String>>,
    /// None where he comes in by a linked account alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Private<PasswordHash>>,
    pub username_claim: ReservationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_claim: Option<ReservationId>,
    /// Whether the address was vouched for at birth, by an operator for example.
    pub email_verified: bool,
    pub at: Time,
}

/// An account at a provider of identities that lets its owner in here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SocialAccount {
    /// Tells it apart from the other ones that this user ever had, from 1 on.
    pub id: u32,
    /// The provider's name in the settings.
    pub provider: String,
    /// How the provider calls its owner, for good; his address there says nothing.
    pub subject: Private<String>,
    pub claim: ReservationId,
    pub at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "user.registered.v1")]
    UserRegistered(Registration),
    #[serde(rename = "user.registration-abandoned.v1")]
    RegistrationAbandoned { at: Time },
    #[serde(rename = "user.claim-abandoned.v1")]
    ClaimAbandoned { reservation: ReservationId, at: Time },
    #[serde(rename = "user.email-verified.v1")]
    EmailVerified { at: Time },
    #[serde(rename = "user.email-change-requested.v1")]
    EmailChangeRequested { email: Private<String>, reservation: ReservationId, at: Time },
    /// The address that was asked for last is verified and takes the place of the old one.
    #[serde(rename = "user.email-changed.v1")]
    EmailChanged { at: Time },
    #[serde(rename = "user.password-changed.v1")]
    PasswordChanged {
        password: Private<PasswordHash>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<SessionId>,
        at: Time,
    },
    #[serde(rename = "user.password-reset.v1")]
    PasswordReset { password: Private<PasswordHash>, at: Time },
    #[serde(rename = "user.password-rehashed.v1")]
    PasswordRehashed { password: Private<PasswordHash>, at: Time },
    #[serde(rename = "user.profile-updated.v1")]
    ProfileUpdated {
        names: Private<Names>,
        #[serde(skip_serializing_if = "Option::is_none")]
        username_claim: Option<ReservationId>,
        at: Time,
    },
    #[serde(rename = "user.social-account-linked.v1")]
    SocialAccountLinked(SocialAccount),
    #[serde(rename = "user.social-account-unlinked.v1")]
    SocialAccountUnlinked { id: u32, at: Time },
    #[serde(rename = "user.disabled.v1")]
    UserDisabled { at: Time },
    #[serde(rename = "user.enabled.v1")]
    UserEnabled { at: Time },
}

impl Event {
    /// The reservations that it names: the claims under these count from here on.
    pub fn reservations(&self) -> Vec<ReservationId> {
        match self {
            Self::UserRegistered(registration) => {
                [registration.username_claim].into_iter().chain(registration.email_claim).collect()
            }
            Self::EmailChangeRequested { reservation, .. } => vec![*reservation],
            Self::ProfileUpdated { username_claim, .. } => username_claim.iter().copied().collect(),
            Self::SocialAccountLinked(account) => vec![account.claim],
            Self::RegistrationAbandoned { .. }
            | Self::ClaimAbandoned { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChanged { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordReset { .. }
            | Self::PasswordRehashed { .. }
            | Self::SocialAccountUnlinked { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. } => vec![],
        }
    }

    /// Whether a claim that counted before may count no longer.
    pub const fn may_give_up_names(&self) -> bool {
        match self {
            Self::ClaimAbandoned { .. }
            | Self::EmailChangeRequested { .. }
            | Self::EmailChanged { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordReset { .. }
            | Self::SocialAccountUnlinked { .. }
            | Self::UserDisabled { .. } => true,
            Self::ProfileUpdated { username_claim, .. } => username_claim.is_some(),
            Self::UserRegistered(_)
            | Self::RegistrationAbandoned { .. }
            | Self::EmailVerified { .. }
            | Self::PasswordRehashed { .. }
            | Self::SocialAccountLinked(_)
            | Self::UserEnabled { .. } => false,
        }
    }
}
