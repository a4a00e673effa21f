//! A person's account: his names, his password, whether he may come in, and the epoch that ends sessions.
//! Holds identity facts only; logins and mails live on streams of their own.

mod account;
mod command;
mod event;
#[cfg(test)]
mod tests;

pub use account::{Account, Address, Linked, Pending};
pub use command::{ChangePassword, Command, Grounds, Identity, Proof, Unlink, UpdateProfile};
pub use event::{Event, Names, PasswordHash, Registration, SocialAccount};

use crate::Aggregate;

/// One account, from before its birth on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum User {
    #[default]
    Unborn,
    /// A registration that was fenced off before it was born; nobody is ever born here.
    Abandoned,
    Registered(Box<Account>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no such user")]
    NotRegistered,
    #[error("the user exists already")]
    AlreadyRegistered,
    #[error("the registration was abandoned")]
    Abandoned,
    #[error("the user is disabled")]
    Disabled,
    #[error("the session was ended")]
    SessionEnded,
    #[error("the link was used, or a newer password made it worthless")]
    LinkSpent,
    #[error("the address is verified already")]
    AlreadyVerified,
    #[error("the address is not this user's")]
    ForeignAddress,
    #[error("the name is in use")]
    NameInUse,
    #[error("the address was never verified")]
    Unverified,
    #[error("the user has no such linked account")]
    NotLinked,
    #[error("there is no other way in")]
    LastWayIn,
}

impl User {
    /// The account, if there is one.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Registered(account) => Some(account),
            Self::Unborn | Self::Abandoned => None,
        }
    }
}

impl Aggregate for User {
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Unborn, Command::Register(registration)) => Ok(vec![Event::UserRegistered(*registration)]),
            (Self::Unborn, Command::SignUp(registration, identity)) => {
                let linked = SocialAccount::first(identity, registration.at);
                Ok(vec![Event::UserRegistered(*registration), Event::SocialAccountLinked(linked)])
            }
            (Self::Unborn, Command::AbandonRegistration { at }) => {
                Ok(vec![Event::RegistrationAbandoned { at }])
            }
            (Self::Abandoned, Command::AbandonRegistration { .. }) => Ok(vec![]),
            (Self::Abandoned, Command::Register(_) | Command::SignUp(..)) => Err(Error::Abandoned),
            (
                Self::Registered(_),
                Command::Register(_) | Command::SignUp(..) | Command::AbandonRegistration { .. },
            ) => Err(Error::AlreadyRegistered),
            (Self::Registered(account), Command::AbandonClaim { reservation, verify_ttl, at }) => {
                account.abandon_claim(reservation, verify_ttl, at)
            }
            (Self::Registered(account), Command::VerifyEmail { address, at }) => {
                account.verify_email(&address, at)
            }
            (Self::Registered(account), Command::RequestEmailChange { proof, email, reservation, at }) => {
                account.request_email_change(proof, email, reservation, at)
            }
            (Self::Registered(account), Command::ChangePassword(change)) => account.change_password(change),
            (Self::Registered(account), Command::ResetPassword { epoch, password, at }) => {
                account.reset_password(epoch, password, at)
            }
            (Self::Registered(account), Command::RehashPassword { replaces, password, at }) => {
                Ok(account.rehash_password(&replaces, password, at))
            }
            (Self::Registered(account), Command::UpdateProfile(update)) => account.update_profile(update),
            (Self::Registered(account), Command::LinkSocialAccount { by, identity, at }) => {
                account.link_social_account(by, identity, at)
            }
            (Self::Registered(account), Command::UnlinkSocialAccount(unlink)) => {
                account.unlink_social_account(unlink)
            }
            (Self::Registered(account), Command::Disable { at }) => Ok(account.disable(at)),
            (Self::Registered(account), Command::Enable { at }) => Ok(account.enable(at)),
            (
                Self::Unborn | Self::Abandoned,
                Command::AbandonClaim { .. }
                | Command::VerifyEmail { .. }
                | Command::RequestEmailChange { .. }
                | Command::ChangePassword(_)
                | Command::ResetPassword { .. }
                | Command::RehashPassword { .. }
                | Command::UpdateProfile(_)
                | Command::LinkSocialAccount { .. }
                | Command::UnlinkSocialAccount(_)
                | Command::Disable { .. }
                | Command::Enable { .. },
            ) => Err(Error::NotRegistered),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event) {
            (Self::Unborn, Event::UserRegistered(registration)) => {
                Self::Registered(Box::new(Account::born(registration)))
            }
            (Self::Unborn, Event::RegistrationAbandoned { .. }) => Self::Abandoned,
            (Self::Registered(account), event) => Self::Registered(Box::new(account.evolve(event))),
            (state @ (Self::Unborn | Self::Abandoned), _) => state,
        }
    }
}
