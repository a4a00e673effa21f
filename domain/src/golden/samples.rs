//! One event of each shape that is stored: every variant, every optional field there and not there, every reason.

use uuid::{Uuid, uuid};

use super::goldens;
use crate::{
    KeyId, Private, ReservationId, SessionId, Time, UserId,
    claim::{self, Holding},
    login,
    mail::{self, Failure, FailureReason, LinkTerms, Purpose, Request},
    session::{self, Client, Issue, RevocationReason, Start},
    user::{self, Names, PasswordHash, Registration, SocialAccount},
};

const PK: UserId = UserId(1_234_567_890_123_456);
const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef);
const AT: Time = Time(1_767_225_600_123_456);
const LATER: Time = Time(1_767_229_200_000_000);
const FIRST: ReservationId = ReservationId(uuid!("01900000-0000-7000-8000-000000000001"));
const SECOND: ReservationId = ReservationId(uuid!("01900000-0000-7000-8000-000000000002"));

fn names() -> Private<Names> {
    let names = Names { username: "ada".into(), first_name: "Ada".into(), last_name: "Lovelace".into() };
    Private::new(KeyId::of_user(PK), names)
}

fn email() -> Private<String> {
    Private::new(KeyId::of_user(PK), "ada@example.org".into())
}

fn password() -> Private<PasswordHash> {
    let key = KeyId::of_password(PK, Uuid::from_u128(0xfeed));
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
    Private::new(key, PasswordHash(hash.into()))
}

fn shredded<T>(private: Private<T>) -> Private<T> {
    Private { value: None, ..private }
}

fn registration() -> Registration {
    Registration {
        names: names(),
        email: Some(email()),
        password: Some(password()),
        username_claim: FIRST,
        email_claim: Some(SECOND),
        email_verified: false,
        at: AT,
    }
}

/// A registration after its keys were destroyed.
fn shredded_registration() -> Registration {
    Registration {
        names: shredded(names()),
        email: Some(shredded(email())),
        password: Some(shredded(password())),
        ..registration()
    }
}

/// Of somebody of whom a provider of identities knew no address.
fn signed_up() -> Registration {
    Registration { email: None, password: None, email_claim: None, ..registration() }
}

fn social_account() -> SocialAccount {
    let subject = Private::new(KeyId::of_user(PK), "1002003004005".into());
    SocialAccount { id: 2, provider: "google".into(), subject, claim: FIRST, at: AT }
}

fn password_changed(kept: Option<SessionId>) -> user::Event {
    user::Event::PasswordChanged { password: password(), kept, at: AT }
}

fn profile_updated(username_claim: Option<ReservationId>) -> user::Event {
    user::Event::ProfileUpdated { names: names(), username_claim, at: AT }
}

goldens!(user: user::Event {
    user::Event::UserRegistered(_) => [
        "user.registered.v1": user::Event::UserRegistered(registration()),
        "user.registered.v1.shredded": user::Event::UserRegistered(shredded_registration()),
        "user.registered.v1.signed-up": user::Event::UserRegistered(signed_up()),
    ],
    user::Event::RegistrationAbandoned { .. } => [
        "user.registration-abandoned.v1": user::Event::RegistrationAbandoned { at: AT },
    ],
    user::Event::ClaimAbandoned { .. } => [
        "user.claim-abandoned.v1": user::Event::ClaimAbandoned { reservation: FIRST, at: AT },
    ],
    user::Event::EmailVerified { .. } => [
        "user.email-verified.v1": user::Event::EmailVerified { at: AT },
    ],
    user::Event::EmailChangeRequested { .. } => [
        "user.email-change-requested.v1": user::Event::EmailChangeRequested {
            email: email(),
            reservation: FIRST,
            at: AT,
        },
    ],
    user::Event::EmailChanged { .. } => [
        "user.email-changed.v1": user::Event::EmailChanged { at: AT },
    ],
    user::Event::PasswordChanged { .. } => [
        "user.password-changed.v1": password_changed(None),
        "user.password-changed.v1.kept": password_changed(Some(SESSION)),
    ],
    user::Event::PasswordReset { .. } => [
        "user.password-reset.v1": user::Event::PasswordReset { password: password(), at: AT },
    ],
    user::Event::PasswordRehashed { .. } => [
        "user.password-rehashed.v1": user::Event::PasswordRehashed { password: password(), at: AT },
    ],
    user::Event::ProfileUpdated { .. } => [
        "user.profile-updated.v1": profile_updated(None),
        "user.profile-updated.v1.renamed": profile_updated(Some(SECOND)),
    ],
    user::Event::SocialAccountLinked(_) => [
        "user.social-account-linked.v1": user::Event::SocialAccountLinked(social_account()),
    ],
    user::Event::SocialAccountUnlinked { .. } => [
        "user.social-account-unlinked.v1": user::Event::SocialAccountUnlinked { id: 2, at: AT },
    ],
    user::Event::UserDisabled { .. } => ["user.disabled.v1": user::Event::UserDisabled { at: AT }],
    user::Event::UserEnabled { .. } => ["user.enabled.v1": user::Event::UserEnabled { at: AT }],
});

fn start() -> Start {
    let client = Client { address: "192.0.2.1".into(), agent: "a browser".into() };
    Start {
        user: PK,
        epoch: 4,
        at: AT,
        until: LATER,
        client: Private::new(KeyId::of_session(SESSION), client),
        social: None,
    }
}

fn issue() -> Issue {
    Issue { iat: AT, exp: LATER, kid: "key-1".into() }
}

const fn revoked(reason: RevocationReason) -> session::Event {
    session::Event::SessionRevoked { reason, at: AT }
}

goldens!(session: session::Event {
    session::Event::SessionStarted(_) => [
        "session.started.v1": session::Event::SessionStarted(start()),
        "session.started.v1.social": session::Event::SessionStarted(Start { social: Some(2), ..start() }),
    ],
    session::Event::SessionRefreshed { .. } => [
        "session.refreshed.v1": session::Event::SessionRefreshed { counter: 1, issue: issue() },
    ],
    session::Event::SessionRevoked { reason: RevocationReason::Logout, .. } => [
        "session.revoked.v1.logout": revoked(RevocationReason::Logout),
    ],
    session::Event::SessionRevoked { reason: RevocationReason::Ended, .. } => [
        "session.revoked.v1.ended": revoked(RevocationReason::Ended),
    ],
    session::Event::SessionRevoked { reason: RevocationReason::Reuse, .. } => [
        "session.revoked.v1.reuse": revoked(RevocationReason::Reuse),
    ],
});

fn requested(purpose: Purpose, link: Option<LinkTerms>) -> mail::Event {
    mail::Event::MailRequested(Request { purpose, user: PK, to: email(), link, at: AT })
}

fn with_link(purpose: Purpose) -> mail::Event {
    let link = LinkTerms { expires_at: LATER, epoch: 4, key: "link-1".into() };
    requested(purpose, Some(link))
}

const fn failed(reason: FailureReason) -> mail::Event {
    mail::Event::MailFailed(Failure { attempt: 3, reason, answer: None, at: AT })
}

fn refused_in_words() -> mail::Event {
    let answer = "550 5.1.1 <ada@example.org> is unknown";
    let answer = Some(Private::new(KeyId::of_user(PK), answer.into()));
    mail::Event::MailFailed(Failure { attempt: 3, reason: FailureReason::Refused, answer, at: AT })
}

goldens!(mail: mail::Event {
    mail::Event::MailRequested(Request { purpose: Purpose::VerifyEmail, .. }) => [
        "mail.requested.v1.verify-email": with_link(Purpose::VerifyEmail),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::ResetPassword, .. }) => [
        "mail.requested.v1.reset-password": with_link(Purpose::ResetPassword),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::PasswordChanged, .. }) => [
        "mail.requested.v1.password-changed": requested(Purpose::PasswordChanged, None),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::PasswordReset, .. }) => [
        "mail.requested.v1.password-reset": requested(Purpose::PasswordReset, None),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::EmailChangeRequested, .. }) => [
        "mail.requested.v1.email-change-requested": requested(Purpose::EmailChangeRequested, None),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::SocialAccountLinked, .. }) => [
        "mail.requested.v1.social-account-linked": requested(Purpose::SocialAccountLinked, None),
    ],
    mail::Event::MailRequested(Request { purpose: Purpose::SocialAccountUnlinked, .. }) => [
        "mail.requested.v1.social-account-unlinked": requested(Purpose::SocialAccountUnlinked, None),
    ],
    mail::Event::MailSent { .. } => [
        "mail.sent.v1": mail::Event::MailSent { attempt: 3, at: AT },
    ],
    mail::Event::MailFailed(Failure { reason: FailureReason::Expired, .. }) => [
        "mail.failed.v1.expired": failed(FailureReason::Expired),
    ],
    mail::Event::MailFailed(Failure { reason: FailureReason::Refused, .. }) => [
        "mail.failed.v1.refused": failed(FailureReason::Refused),
        "mail.failed.v1.answered": refused_in_words(),
    ],
    mail::Event::MailFailed(Failure { reason: FailureReason::Shredded, .. }) => [
        "mail.failed.v1.shredded": failed(FailureReason::Shredded),
    ],
    mail::Event::MailRetried { .. } => ["mail.retried.v1": mail::Event::MailRetried { at: AT }],
});

const HOLDING: Holding = Holding { holder: PK, reservation: FIRST, at: AT };

goldens!(claim: claim::Event {
    claim::Event::Claimed(_) => ["claim.claimed.v1": claim::Event::Claimed(HOLDING)],
    claim::Event::Released { .. } => [
        "claim.released.v1": claim::Event::Released { reservation: FIRST },
    ],
});

goldens!(login: login::Event {
    login::Event::LoginFailed { .. } => [
        "login.failed.v1": login::Event::LoginFailed { at: AT, count: 20 },
    ],
});
