//! Public events as they travel: CloudEvents 1.0 in JSON, in structured mode. Knows the envelope; what is published of an event
//! and what came before it are found elsewhere, and how it travels too.

use std::sync::Arc;

use serde::Serialize;
use store::{EventLog, Position, Recorded, StoreError, clock};
use uuid::Uuid;

use super::{
    chain::Chain,
    public::PublicEvent,
    publication::{is_public, published},
};

/// What the message is, for whoever takes it (CloudEvents, section 3.1 of the binding for NATS).
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// An event on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Uuid,
    pub position: Position,
    /// Where it is published to.
    pub subject: &'static str,
    /// JSON.
    pub body: Vec<u8>,
}

/// Names and order of the fields, as they are written. `D` is the event's data.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Envelope<D> {
    /// The version of CloudEvents.
    #[cfg_attr(test, schemars(with = "String", extend("const" = "1.0")))]
    specversion: &'static str,
    /// The event: the same whenever it is published again.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    id: Uuid,
    /// Which installation it is of: its public URL.
    #[cfg_attr(test, schemars(extend("format" = "uri-reference")))]
    source: String,
    /// What happened, and the version of the shape of `data`.
    #[serde(rename = "type")]
    #[cfg_attr(test, schemars(with = "String"))]
    kind: &'static str,
    /// The stream: whose history it is a part of.
    subject: String,
    /// When it was recorded; never before the one before it in its stream.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    time: String,
    /// What `data` is.
    #[cfg_attr(test, schemars(with = "String", extend("const" = "application/json")))]
    datacontenttype: &'static str,
    /// Where it stands in the log: a name for the log and, behind the last hyphen, a number that only ever grows.
    position: String,
    /// Where it stands in its stream. Numbers are left out where something happened that is not public.
    #[cfg_attr(test, schemars(range(min = 1)))]
    streamversion: u64,
    /// The id of the event before it in its stream; not there in the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    previousid: Option<Uuid>,
    /// The same in all events that one request led to.
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    correlationid: Uuid,
    /// What there is to say of it.
    data: D,
}

/// Makes messages of recorded events.
pub struct Outward {
    log: Arc<dyn EventLog>,
    source: String,
    chain: Chain,
}

impl Outward {
    /// `source`: the public URL of the installation.
    pub fn new(log: Arc<dyn EventLog>, source: String) -> Self {
        Self { log, source, chain: Chain::new() }
    }

    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// What goes out of an event, if anything does.
    pub async fn message(&mut self, recorded: &Recorded) -> Result<Option<Message>, StoreError> {
        let event = published(recorded)?;
        if !is_public(recorded.stream.kind()) {
            return Ok(None);
        }
        let previous = self.chain.before(recorded, self.log.as_ref()).await?;
        self.chain.saw(recorded, if event.is_some() { Some(recorded.event.id) } else { previous });
        event.map(|event| self.envelop(recorded, event, previous)).transpose()
    }

    fn envelop(
        &self,
        recorded: &Recorded,
        event: PublicEvent,
        previousid: Option<Uuid>,
    ) -> Result<Message, StoreError> {
        let kind = event.kind();
        let envelope = Envelope {
            specversion: "1.0",
            id: recorded.event.id,
            source: self.source.clone(),
            kind,
            subject: recorded.stream.to_string(),
            time: clock::rfc3339(recorded.recorded_at),
            datacontenttype: "application/json",
            position: recorded.position.to_text(self.log.log_id()),
            streamversion: recorded.version,
            previousid,
            correlationid: recorded.event.correlation,
            data: event,
        };
        let body = serde_json::to_vec(&envelope).map_err(|error| StoreError::Corrupt {
            stream: recorded.stream.clone(),
            version: recorded.version,
            source: error.into(),
        })?;
        Ok(Message { id: recorded.event.id, position: recorded.position, subject: kind, body })
    }
}
