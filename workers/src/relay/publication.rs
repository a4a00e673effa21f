//! Which of the recorded events the world outside is told of, and what. Every event of the domain stands here: a new one
//! does not compile until somebody has decided. Who holds which name and how often a login failed is nobody's business.

use domain::{
    Claim, LoginRecord, Mail, MailId, Session, SessionId, Time, User, UserId, claim, login, mail, session,
    user,
};
use store::{Recorded, StoreError, clock, journal::closed};

use super::public::{
    EmailChangeRequested, EmailChanged, EmailVerified, MailFailed, MailRequested, MailRetried, MailSent,
    PasswordChanged, PasswordReset, ProfileUpdated, PublicEvent, SessionRefreshed, SessionRevoked,
    SessionStarted, SocialAccountLinked, SocialAccountUnlinked, UserDisabled, UserEnabled, UserRegistered,
};

/// What is published of a recorded event, if anything is. Nothing that is sealed in it is opened.
pub(super) fn published(recorded: &Recorded) -> Result<Option<PublicEvent>, StoreError> {
    let key = recorded.stream.key();
    match recorded.stream.kind() {
        "user" => {
            Ok(of_user(key.parse().map_err(|error| foreign(recorded, error))?, &closed::<User>(recorded)?))
        }
        "session" => {
            let session = key.parse().map_err(|error| foreign(recorded, error))?;
            Ok(Some(of_session(session, closed::<Session>(recorded)?)))
        }
        "mail" => {
            let mail = key.parse().map_err(|error| foreign(recorded, error))?;
            Ok(Some(of_mail(mail, &closed::<Mail>(recorded)?)))
        }
        "claim" => Ok(of_claim(&closed::<Claim>(recorded)?)),
        "login" => Ok(of_login(&closed::<LoginRecord>(recorded)?)),
        _ => Err(foreign(recorded, "this version of stele knows no such stream")),
    }
}

/// Whether events of a stream of this kind are published at all.
pub(super) fn is_public(kind: &str) -> bool {
    !matches!(kind, "claim" | "login")
}

fn of_user(user: UserId, event: &user::Event) -> Option<PublicEvent> {
    Some(match event {
        user::Event::UserRegistered(registration) => {
            PublicEvent::UserRegistered(UserRegistered { user, email_verified: registration.email_verified })
        }
        user::Event::EmailVerified { .. } => PublicEvent::EmailVerified(EmailVerified { user }),
        user::Event::EmailChangeRequested { .. } => {
            PublicEvent::EmailChangeRequested(EmailChangeRequested { user })
        }
        user::Event::EmailChanged { .. } => PublicEvent::EmailChanged(EmailChanged { user }),
        user::Event::PasswordChanged { kept, .. } => {
            PublicEvent::PasswordChanged(PasswordChanged { user, kept_session: *kept })
        }
        user::Event::PasswordReset { .. } => PublicEvent::PasswordReset(PasswordReset { user }),
        user::Event::ProfileUpdated { username_claim, .. } => {
            PublicEvent::ProfileUpdated(ProfileUpdated { user, username_changed: username_claim.is_some() })
        }
        user::Event::SocialAccountLinked(linked) => PublicEvent::SocialAccountLinked(SocialAccountLinked {
            user,
            account: linked.id,
            provider: linked.provider.clone(),
        }),
        user::Event::SocialAccountUnlinked { id, .. } => {
            PublicEvent::SocialAccountUnlinked(SocialAccountUnlinked { user, account: *id })
        }
        user::Event::UserDisabled { .. } => PublicEvent::UserDisabled(UserDisabled { user }),
        user::Event::UserEnabled { .. } => PublicEvent::UserEnabled(UserEnabled { user }),
        // Of somebody who was never born, of a name that was never his, and of a hash that nobody sees.
        user::Event::RegistrationAbandoned { .. }
        | user::Event::ClaimAbandoned { .. }
        | user::Event::PasswordRehashed { .. } => return None,
    })
}

fn of_session(session: SessionId, event: session::Event) -> PublicEvent {
    match event {
        session::Event::SessionStarted(start) => PublicEvent::SessionStarted(SessionStarted {
            session,
            user: start.user,
            until: text(start.until),
        }),
        session::Event::SessionRefreshed { issue, .. } => {
            PublicEvent::SessionRefreshed(SessionRefreshed { session, expires: text(issue.exp) })
        }
        session::Event::SessionRevoked { reason, .. } => {
            PublicEvent::SessionRevoked(SessionRevoked { session, reason })
        }
    }
}

fn of_mail(mail: MailId, event: &mail::Event) -> PublicEvent {
    match event {
        mail::Event::MailRequested(request) => {
            PublicEvent::MailRequested(MailRequested { mail, user: request.user, purpose: request.purpose })
        }
        mail::Event::MailSent { attempt, .. } => PublicEvent::MailSent(MailSent { mail, attempt: *attempt }),
        mail::Event::MailFailed(failure) => {
            PublicEvent::MailFailed(MailFailed { mail, attempt: failure.attempt, reason: failure.reason })
        }
        mail::Event::MailRetried { .. } => PublicEvent::MailRetried(MailRetried { mail }),
    }
}

const fn of_claim(event: &claim::Event) -> Option<PublicEvent> {
    match event {
        claim::Event::Claimed(_) | claim::Event::Released { .. } => None,
    }
}

const fn of_login(event: &login::Event) -> Option<PublicEvent> {
    match event {
        login::Event::LoginFailed { .. } => None,
    }
}

fn text(time: Time) -> String {
    clock::rfc3339(time)
}

fn foreign(recorded: &Recorded, source: impl Into<store::Cause>) -> StoreError {
    StoreError::Corrupt { stream: recorded.stream.clone(), version: recorded.version, source: source.into() }
}
