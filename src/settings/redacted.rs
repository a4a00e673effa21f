//! Holds a value that must never be printed. Knows nothing of what it holds.

use std::fmt;

/// Shows `[redacted]` wherever it is printed; [`Redacted::expose`] is the only way in.
#[derive(Clone)]
pub(crate) struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    pub(crate) const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}
