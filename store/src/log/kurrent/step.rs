//! What only an administrator of the server may do, told so that he can copy it: a command, which says the stream, the kind of event
//! and its JSON to whoever prefers another client.

use std::fmt;

use serde_json::{Value, json};
use uuid::Uuid;

use super::url::Url;
use crate::random;

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    id: Uuid,
    kind: &'static str,
    data: Value,
    /// Where the event is sent to.
    place: String,
}

impl Step {
    /// So that the user may read `$all`.
    pub(super) fn to_read_all(url: &Url) -> Self {
        let user = url.user().unwrap_or("NAME");
        let data = json!({ "$acl": { "$r": ["$admins", user] } });
        Self::new(url, ("$metadata", data), "%24all/metadata")
    }

    /// To set the metadata of a stream.
    pub(super) fn to_describe(url: &Url, stream: &str, data: Value) -> Self {
        Self::new(url, ("$metadata", data), &format!("{stream}/metadata"))
    }

    /// To set what holds for streams that have no list of their own.
    pub(super) fn to_settle(url: &Url, data: Value) -> Self {
        Self::new(url, ("update-default-acl", data), "%24settings")
    }

    fn new(url: &Url, (kind, data): (&'static str, Value), stream: &str) -> Self {
        let place = format!("{}/streams/{stream}", url.by_http());
        Self { id: random::id(), kind, data, place }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = json!([{ "eventId": self.id, "eventType": self.kind, "data": self.data }]);
        // No character of it may end what the shell takes as one word.
        let events = events.to_string().replace('\'', "\\u0027");
        let kind = "Content-Type: application/vnd.eventstore.events+json";
        write!(f, "curl --user admin --header '{kind}' --data '{events}' {}", self.place)
    }
}
