//! How a provider misbehaves.

use std::{fmt, sync::Arc};

use serde_json::Value;

#[derive(Clone)]
pub(crate) enum Act {
    /// No answer until it behaves, and then the right one.
    Hang,
    /// The right answer, a byte at a time and never to its end.
    Trickle,
    /// This status, and a page for people.
    Status(u16),
    /// This body, as the JSON that it may not be.
    Say(&'static str),
    /// The right status and headers, and JSON that ends in the middle.
    Malformed,
    /// Somewhere else.
    Redirect(String),
    /// JSON of a size that nobody asked for.
    Huge,
    /// Closes the connection without a word.
    Drop,
    /// Closes it in the middle of the right answer.
    Cut,
    /// The right answer, changed.
    Alter(Arc<dyn Fn(&mut Value) + Send + Sync>),
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hang => f.write_str("Hang"),
            Self::Trickle => f.write_str("Trickle"),
            Self::Status(status) => write!(f, "Status({status})"),
            Self::Say(body) => write!(f, "Say({body:?})"),
            Self::Malformed => f.write_str("Malformed"),
            Self::Redirect(to) => write!(f, "Redirect({to:?})"),
            Self::Huge => f.write_str("Huge"),
            Self::Drop => f.write_str("Drop"),
            Self::Cut => f.write_str("Cut"),
            Self::Alter(_) => f.write_str("Alter(…)"),
        }
    }
}
