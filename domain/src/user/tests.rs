//! What may happen to a user, command by command, in every state; the themes are files. Here: the people in them.

mod claims;
mod email;
mod password;
mod profile;
mod registration;
mod social;
mod standing;

use std::time::Duration;

use uuid::Uuid;

use super::{Account, Command, Event, Names, PasswordHash, Proof, Registration, SocialAccount, User};
use crate::{KeyId, Private, ReservationId, SessionId, Time, UserId, fold};

const PK: UserId = UserId(7);
const BORN: Time = Time::from_seconds(1000);
const NOW: Time = Time::from_seconds(5000);
const TTL: Duration = Duration::from_mins(10);

const USERNAME_CLAIM: ReservationId = ReservationId(Uuid::from_u128(1));
const EMAIL_CLAIM: ReservationId = ReservationId(Uuid::from_u128(2));
const PENDING_CLAIM: ReservationId = ReservationId(Uuid::from_u128(3));
const FOREIGN_CLAIM: ReservationId = ReservationId(Uuid::from_u128(9));

const HERE: SessionId = SessionId(0xa);
const THERE: SessionId = SessionId(0xb);

const OLD_EMAIL: &str = "ada@example.org";
const NEW_EMAIL: &str = "ada@example.net";

fn password(unique: u128) -> Private<PasswordHash> {
    let key = KeyId::of_password(PK, Uuid::from_u128(unique));
    Private::new(key, PasswordHash(format!("$hash${unique}")))
}

fn email(address: &str) -> Private<String> {
    Private::new(KeyId::of_user(PK), address.into())
}

fn names(username: &str) -> Private<Names> {
    let names = Names { username: username.into(), first_name: "Ada".into(), last_name: "Lovelace".into() };
    Private::new(KeyId::of_user(PK), names)
}

fn registration() -> Registration {
    Registration {
        names: names("ada"),
        email: Some(email(OLD_EMAIL)),
        password: Some(password(1)),
        username_claim: USERNAME_CLAIM,
        email_claim: Some(EMAIL_CLAIM),
        email_verified: false,
        at: BORN,
    }
}

fn registered() -> Event {
    Event::UserRegistered(registration())
}

fn registered_verified() -> Event {
    Event::UserRegistered(Registration { email_verified: true, ..registration() })
}

const ABANDONED: Event = Event::RegistrationAbandoned { at: BORN };
const VERIFIED: Event = Event::EmailVerified { at: NOW };
const CHANGED_EMAIL: Event = Event::EmailChanged { at: NOW };
const DISABLED: Event = Event::UserDisabled { at: NOW };
const ENABLED: Event = Event::UserEnabled { at: NOW };

fn asked_for_new_email() -> Event {
    Event::EmailChangeRequested { email: email(NEW_EMAIL), reservation: PENDING_CLAIM, at: NOW }
}

fn password_changed(kept: Option<SessionId>) -> Event {
    Event::PasswordChanged { password: password(2), kept, at: NOW }
}

fn password_reset() -> Event {
    Event::PasswordReset { password: password(2), at: NOW }
}

const fn lost(reservation: ReservationId) -> Event {
    Event::ClaimAbandoned { reservation, at: NOW }
}

/// The session `HERE`, whose password was verified in this epoch.
const fn proof(epoch: u32) -> Proof {
    Proof { session: HERE, epoch }
}

fn verify(address: &str) -> Command {
    Command::VerifyEmail { address: address.into(), at: NOW }
}

/// One of every command that only a registered user takes.
fn commands_for_the_registered() -> Vec<Command> {
    vec![
        claims::abandon(EMAIL_CLAIM, NOW),
        verify(OLD_EMAIL),
        email::ask_for_new_email(proof(0)),
        password::change(proof(0), true),
        password::reset(0),
        password::rehash(1),
        profile::rename(proof(0), "ada"),
        social::connect(proof(0)),
        social::unlink(1, &[]),
        Command::Disable { at: NOW },
        Command::Enable { at: NOW },
    ]
}

fn account(history: &[Event]) -> Account {
    fold::<User>(history).account().unwrap().clone()
}
