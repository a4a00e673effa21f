//! Personal data and password hashes inside events. Knows which key protects a value, not how it is sealed.

use serde::{Deserialize, Serialize};

use crate::KeyId;

/// The field that marks a private value in an event's JSON, so that the store can seal every one and miss none.
pub const MARK: &str = "$key";

/// A value that is stored sealed under its own key. Without a value when that key was destroyed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private<T> {
    #[serde(rename = "$key")]
    pub key: KeyId,
    pub value: Option<T>,
}

impl<T> Private<T> {
    pub const fn new(key: KeyId, value: T) -> Self {
        Self {
            key,
            value: Some(value),
        }
    }

    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> std::fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Private({}, {})",
            self.key,
            if self.value.is_some() {
                "sealed"
            } else {
                "shredded"
            }
        )
    }
}
