//! Events as they are proposed and as they are kept, and what a writer expects of a stream.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

/// The revision of a tombstone, and the place before which a stream that was deleted softly is cut off.
pub(crate) const DELETED: u64 = i64::MAX as u64;

/// The stream that all others are in.
pub(crate) const ALL: &str = "$all";

/// The type of the event that sets a stream's metadata, in the stream that [`metadata_stream`] names.
pub(crate) const METADATA: &str = "$metadata";

/// Its last event says what holds for streams that have no access control list of their own.
pub(crate) const SETTINGS: &str = "$settings";

pub(crate) const TOMBSTONE: &str = "$streamDeleted";

pub(crate) const JSON: &str = "application/json";

pub(crate) fn metadata_stream(stream: &str) -> String {
    format!("$${stream}")
}

/// The stream that this one holds the metadata of.
pub(crate) fn described_by(stream: &str) -> Option<&str> {
    stream.strip_prefix("$$")
}

/// An event that nobody has kept yet.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) content_type: String,
    pub(crate) data: Bytes,
    pub(crate) metadata: Bytes,
}

#[derive(Debug)]
pub(crate) struct Recorded {
    /// In `$all`: where it stands in the file. Commit and prepare are the same, as on a server that writes in one go.
    pub(crate) position: u64,
    pub(crate) stream: Arc<str>,
    pub(crate) revision: u64,
    /// In ticks of 100 ns since 1970.
    pub(crate) created: u64,
    pub(crate) event: Proposed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Any,
    NoStream,
    StreamExists,
    Exact(u64),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on disk, now or since an earlier attempt. Without a revision where the stream still has no events.
    Written { revision: Option<u64>, position: Option<u64> },
    /// The stream is not where it was expected. Without a revision where it has no events.
    Unexpected { current: Option<u64> },
    /// The stream is gone for good, or was expected to exist and is deleted.
    Deleted,
}
