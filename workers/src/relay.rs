//! The relay: tells the world outside what happened, in the order of the log. What it says of an event stands in types of its
//! own, which have no room for secrets.

mod chain;
mod message;
pub mod public;
mod publication;
#[cfg(test)]
mod tests;

pub use message::{CONTENT_TYPE, Message, Outward};
