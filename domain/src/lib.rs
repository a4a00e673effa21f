//! The rules of Stele: what may happen to users, sessions, mails and names, and what follows from it.
//! Pure: no async, no I/O, no clock, no randomness; time, ids, hashes and looked-up facts arrive in the command.

pub mod claim;
#[cfg(test)]
mod given;
#[cfg(test)]
mod golden;
pub mod id;
#[cfg(test)]
mod laws;
pub mod login;
pub mod mail;
pub mod name;
pub mod private;
pub mod session;
pub mod time;
pub mod user;

pub use claim::Claim;
pub use id::{KeyId, MailId, ReservationId, SessionId, UserId};
pub use login::LoginRecord;
pub use mail::Mail;
pub use private::Private;
pub use session::Session;
pub use time::Time;
pub use user::User;

use serde::{Serialize, de::DeserializeOwned};

/// A consistency boundary: a state folded from events, and the rule that turns commands into events.
///
/// Both functions are pure. `decide` holds every rule and changes nothing; `evolve` changes state and
/// holds no rule, so it accepts any event in any state.
pub trait Aggregate: Default + Clone + Send {
    type Command: Clone + Send + Sync;
    type Event: Serialize + DeserializeOwned + Send + Sync;
    type Error: std::error::Error + Send + Sync + 'static;

    /// The events that the command leads to; `Ok(vec![])` means that there is nothing to record.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;
}

/// The state that a history leads to.
pub fn fold<'a, A: Aggregate>(history: impl IntoIterator<Item = &'a A::Event>) -> A
where
    A::Event: 'a,
{
    history.into_iter().fold(A::default(), A::evolve)
}
