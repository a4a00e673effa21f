//! What the world outside is told: one type for each public event, with no field for a secret or for personal data.
//! A field that was published once stays as it is; another shape is another event, under the next version.

use domain::{
    MailId, SessionId, UserId,
    mail::{FailureReason, Purpose},
    session::RevocationReason,
};
use serde::{Serialize, Serializer};

/// A public event, its type apart. Serialized it is the event's `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PublicEvent {
    UserRegistered(UserRegistered),
    EmailVerified(EmailVerified),
    EmailChangeRequested(EmailChangeRequested),
    EmailChanged(EmailChanged),
    PasswordChanged(PasswordChanged),
    PasswordReset(PasswordReset),
    ProfileUpdated(ProfileUpdated),
    SocialAccountLinked(SocialAccountLinked),
    SocialAccountUnlinked(SocialAccountUnlinked),
    UserDisabled(UserDisabled),
    UserEnabled(UserEnabled),
    SessionStarted(SessionStarted),
    SessionRefreshed(SessionRefreshed),
    SessionRevoked(SessionRevoked),
    MailRequested(MailRequested),
    MailSent(MailSent),
    MailFailed(MailFailed),
    MailRetried(MailRetried),
}

/// Declares types that have the same fields.
macro_rules! of_user {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub struct $name {
            /// The user's primary key, as the API names it.
            #[cfg_attr(test, schemars(with = "u64"))]
            pub user: UserId,
        }
    )*};
}

/// Somebody registered, was registered by an operator, or signed up through a provider of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UserRegistered {
    /// The user's primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// Whether his e-mail address was vouched for from the start.
    pub email_verified: bool,
}

of_user! {
    /// A user showed that mails to his address reach him.
    EmailVerified,
    /// A user asked for another e-mail address, which takes the place of the old one when it is verified.
    EmailChangeRequested,
    /// The address that was asked for last is verified and is the user's address from now on.
    EmailChanged,
    /// A user set a new password by a link in a mail. All of his sessions have ended.
    PasswordReset,
    /// A user may not log in any more. All of his sessions have ended.
    UserDisabled,
    /// A disabled user may log in again.
    UserEnabled,
}

/// A user changed his password. All of his sessions have ended but the one that is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PasswordChanged {
    /// The user's primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// The session that goes on; not there if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String", pattern("^[0-9a-f]{16}$")))]
    pub kept_session: Option<SessionId>,
}

/// A user changed his username or how he is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileUpdated {
    /// The user's primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// Whether his username is another one now.
    pub username_changed: bool,
}

/// An account at a provider of identities lets a user in from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SocialAccountLinked {
    /// The user's primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// The linked account, as the API numbers it; each user's are counted from 1.
    pub account: u32,
    /// The provider, by its name in Stele's settings.
    pub provider: String,
}

/// An account at a provider of identities does not let a user in any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SocialAccountUnlinked {
    /// The user's primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// The account that was linked, as the API numbers it.
    pub account: u32,
}

/// A user logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionStarted {
    /// The session, as tokens name it in `sid`.
    #[cfg_attr(test, schemars(with = "String", pattern("^[0-9a-f]{16}$")))]
    pub session: SessionId,
    /// Whose session it is: his primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// When the session is over, however often it is refreshed.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub until: String,
}

/// The refresh token of a session was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionRefreshed {
    /// The session, as tokens name it in `sid`.
    #[cfg_attr(test, schemars(with = "String", pattern("^[0-9a-f]{16}$")))]
    pub session: SessionId,
    /// When the session is over unless it is refreshed again.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub expires: String,
}

/// A session was ended before its time. Sessions end as well by what happens to their user: see there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionRevoked {
    /// The session, as tokens name it in `sid`.
    #[cfg_attr(test, schemars(with = "String", pattern("^[0-9a-f]{16}$")))]
    pub session: SessionId,
    /// `logout`: by its user; `ended`: by its user from another session; `reuse`: a refresh token that had been replaced came
    /// back, so that somebody else may hold a copy.
    #[serde(serialize_with = "revocation_reason")]
    #[cfg_attr(test, schemars(with = "String", extend("enum" = ["logout", "ended", "reuse"])))]
    pub reason: RevocationReason,
}

/// A mail to a user was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MailRequested {
    /// The mail.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    pub mail: MailId,
    /// To whom: his primary key, as the API names it.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub user: UserId,
    /// What the mail is for.
    #[serde(serialize_with = "purpose")]
    #[cfg_attr(test, schemars(with = "String", extend("enum" = [
        "verify-email", "reset-password", "password-changed", "password-reset", "email-change-requested",
        "social-account-linked", "social-account-unlinked"
    ])))]
    pub purpose: Purpose,
}

/// A mail was taken by the server that delivers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MailSent {
    /// The mail.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    pub mail: MailId,
    /// How often it was tried, this time included.
    pub attempt: u32,
}

/// A mail was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MailFailed {
    /// The mail.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    pub mail: MailId,
    /// How often it was tried.
    pub attempt: u32,
    /// `expired`: its link would be dead on arrival; `refused`: the other side refused it for good; `shredded`: the user's data
    /// was destroyed before it was sent.
    #[serde(serialize_with = "failure_reason")]
    #[cfg_attr(test, schemars(with = "String", extend("enum" = ["expired", "refused", "shredded"])))]
    pub reason: FailureReason,
}

/// An operator had a mail tried again that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MailRetried {
    /// The mail.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    pub mail: MailId,
}

impl PublicEvent {
    /// Its type, which is the subject that it is published to.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UserRegistered(_) => "stele.events.user.registered.v1",
            Self::EmailVerified(_) => "stele.events.user.email-verified.v1",
            Self::EmailChangeRequested(_) => "stele.events.user.email-change-requested.v1",
            Self::EmailChanged(_) => "stele.events.user.email-changed.v1",
            Self::PasswordChanged(_) => "stele.events.user.password-changed.v1",
            Self::PasswordReset(_) => "stele.events.user.password-reset.v1",
            Self::ProfileUpdated(_) => "stele.events.user.profile-updated.v1",
            Self::SocialAccountLinked(_) => "stele.events.user.social-account-linked.v1",
            Self::SocialAccountUnlinked(_) => "stele.events.user.social-account-unlinked.v1",
            Self::UserDisabled(_) => "stele.events.user.disabled.v1",
            Self::UserEnabled(_) => "stele.events.user.enabled.v1",
            Self::SessionStarted(_) => "stele.events.session.started.v1",
            Self::SessionRefreshed(_) => "stele.events.session.refreshed.v1",
            Self::SessionRevoked(_) => "stele.events.session.revoked.v1",
            Self::MailRequested(_) => "stele.events.mail.requested.v1",
            Self::MailSent(_) => "stele.events.mail.sent.v1",
            Self::MailFailed(_) => "stele.events.mail.failed.v1",
            Self::MailRetried(_) => "stele.events.mail.retried.v1",
        }
    }
}

// The words of the outside are written down here: the log may come to use others.

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn revocation_reason<S: Serializer>(reason: &RevocationReason, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match reason {
        RevocationReason::Logout => "logout",
        RevocationReason::Ended => "ended",
        RevocationReason::Reuse => "reuse",
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn purpose<S: Serializer>(purpose: &Purpose, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match purpose {
        Purpose::VerifyEmail => "verify-email",
        Purpose::ResetPassword => "reset-password",
        Purpose::PasswordChanged => "password-changed",
        Purpose::PasswordReset => "password-reset",
        Purpose::EmailChangeRequested => "email-change-requested",
        Purpose::SocialAccountLinked => "social-account-linked",
        Purpose::SocialAccountUnlinked => "social-account-unlinked",
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn failure_reason<S: Serializer>(reason: &FailureReason, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match reason {
        FailureReason::Expired => "expired",
        FailureReason::Refused => "refused",
        FailureReason::Shredded => "shredded",
    })
}
