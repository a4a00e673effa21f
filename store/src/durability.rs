//! Whether a database keeps what it has acknowledged when the power goes, told alike for every engine.

use std::fmt;

use crate::{postgres, sqlite};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    is_full: bool,
    told: String,
}

impl Durability {
    /// Whether a commit that was acknowledged survives a loss of power.
    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl From<sqlite::Durability> for Durability {
    fn from(found: sqlite::Durability) -> Self {
        Self { is_full: found.is_full(), told: found.to_string() }
    }
}

impl From<postgres::Durability> for Durability {
    fn from(found: postgres::Durability) -> Self {
        Self { is_full: found.is_full(), told: found.to_string() }
    }
}
