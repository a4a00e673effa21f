//! What the metadata of a stream says: what of it is still shown, and who may do what.

use serde_json::Value;

use crate::clock::TICKS_PER_SECOND;
use crate::event::DELETED;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) max_count: Option<u64>,
    /// In seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) truncate_before: Option<u64>,
    pub(crate) acl: Value,
}

impl Metadata {
    /// A server shows all of a stream whose metadata it can't read.
    pub(crate) fn read(json: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(json).unwrap_or_default();
        let number = |key: &str| json.get(key).and_then(Value::as_u64);
        let limit = |key: &str| number(key).filter(|limit| *limit > 0);
        Self {
            max_count: limit("$maxCount"),
            max_age: limit("$maxAge"),
            truncate_before: number("$tb"),
            acl: json.get("$acl").cloned().unwrap_or_default(),
        }
    }

    /// A stream of metadata shows what was said last.
    pub(crate) fn of_metadata() -> Self {
        Self { max_count: Some(1), ..Self::default() }
    }

    pub(crate) fn is_soft_deleted(&self) -> bool {
        self.truncate_before == Some(DELETED)
    }

    /// The first revision that is shown of a stream that ends with `last`.
    pub(crate) fn first_shown(&self, last: u64) -> u64 {
        let counted = self.max_count.map_or(0, |most| (last + 1).saturating_sub(most));
        counted.max(self.truncate_before.unwrap_or(0))
    }

    pub(crate) fn is_too_old(&self, created: u64, now: u64) -> bool {
        self.max_age.is_some_and(|most| created.saturating_add(most.saturating_mul(TICKS_PER_SECOND)) < now)
    }
}

/// The same metadata with another place before which the stream is cut off.
pub(crate) fn truncated(json: &[u8], before: u64) -> Vec<u8> {
    let mut metadata = match serde_json::from_slice(json) {
        Ok(Value::Object(metadata)) => metadata,
        _ => serde_json::Map::new(),
    };
    metadata.insert("$tb".to_owned(), before.into());
    Value::Object(metadata).to_string().into_bytes()
}
