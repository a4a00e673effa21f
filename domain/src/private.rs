//! Personal data and password hashes inside events. Knows which key protects a value, not how it is sealed.

use serde::{Deserialize, Serialize};

use crate::KeyId;

/// The field that marks a private value in an event's JSON, so that the store can seal every one and miss none.
pub const MARK: &str = "$key";

/// A value that is stored sealed under its own key. Without a value when that key was destroyed.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Private<T> {
    #[serde(rename = "$key")]
    pub key: KeyId,
    pub value: Option<T>,
}

impl<T> Private<T> {
    pub const fn new(key: KeyId, value: T) -> Self {
        Self { key, value: Some(value) }
    }

    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> std::fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Private({}, {})", self.key, if self.value.is_some() { "sealed" } else { "shredded" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UserId, user::PasswordHash};

    #[test]
    fn a_private_value_is_marked_by_its_key_in_json() {
        let value = Private::new(KeyId::of_user(UserId(5)), "ada");
        let json = serde_json::to_value(value).unwrap();
        assert_eq!(json, serde_json::json!({ MARK: "user-5", "value": "ada" }));
    }

    #[test]
    fn what_is_private_never_prints() {
        let value = Private::new(KeyId::of_user(UserId(5)), "ada@example.org".to_owned());
        let hash = Private::new(KeyId::of_user(UserId(5)), PasswordHash("$argon2id$secret".into()));
        let printed = format!("{value:?} {value:#?} {hash:?} {:?}", hash.value);
        assert!(!printed.contains("ada@"), "{printed}");
        assert!(!printed.contains("secret"), "{printed}");
        assert!(printed.contains("user-5"), "{printed}");
    }

    #[test]
    fn a_shredded_value_is_read_as_none_whether_it_is_null_or_gone() {
        for json in [r#"{"$key":"user-5","value":null}"#, r#"{"$key":"user-5"}"#] {
            let read: Private<String> = serde_json::from_str(json).unwrap();
            assert_eq!(read.get(), None);
        }
    }
}
