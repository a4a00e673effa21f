//! Turns a request body into input that obeys the recorded contract, or into the contract's words of refusal.
//! Pure text work: no I/O, no clock. Must not know users, sessions, hashes or how a password is judged.

pub mod accept;
pub mod address;
pub mod body;
mod charset;
pub(crate) mod email;
pub mod errors;
pub mod field;
pub mod handoff;
mod header;
mod json;
pub mod login;
mod multipart;
pub mod password;
pub mod profile;
pub mod registration;
pub mod route;
pub mod secret;
pub mod session;
pub mod social;
pub mod value;
mod word;

pub use body::{Refusal, read};
pub use errors::FieldErrors;
pub use secret::Secret;
pub use value::Fields;
pub(crate) use word::is_word;

/// Judges a password and answers with the sentences that refuse it; none means that it is accepted.
///
/// The second argument holds what is known of the user as (name in messages, value): `username`, `first name`,
/// `last name`, `email address`, in this order. Without any, the rule of similarity has nothing to compare with.
pub type Rules<'a> = &'a dyn Fn(&str, &[(&str, &str)]) -> Vec<String>;
