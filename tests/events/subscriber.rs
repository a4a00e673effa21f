//! Someone who subscribes to events with a client that knows nothing of Stele, and holds them to the guide and its schemas.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use async_nats::jetstream::consumer::pull::OrderedConfig;
use boon::{Compiler, SchemaIndex, Schemas};
use futures_util::StreamExt;
use serde_json::Value;

use crate::support::{Event, Nats, number_in};

pub(super) const STREAM: &str = "STELE_EVENTS";

/// What happens that nobody is told of.
const UNTOLD: [&str; 3] =
    ["user.claim-abandoned.v1", "user.password-rehashed.v1", "user.registration-abandoned.v1"];

/// Everything that a subscriber has had.
#[derive(Debug)]
pub(super) struct History {
    /// Each event once, as it came first.
    pub(super) events: Vec<Value>,
    /// How many came once more.
    pub(super) doubles: usize,
}

impl History {
    /// Reads the whole stream.
    pub(super) async fn read(nats: &Nats) -> Self {
        let jetstream = nats.jetstream().await;
        let mut stream = jetstream.get_stream(STREAM).await.expect("there is a stream");
        let state = stream.info().await.unwrap().state.clone();
        let mut events = Vec::new();
        if state.messages > 0 {
            let consumer = stream.create_consumer(OrderedConfig::default()).await.unwrap();
            let mut messages = consumer.messages().await.unwrap();
            loop {
                let message = messages.next().await.expect("there are more").unwrap();
                let sequence = message.info().unwrap().stream_sequence;
                let event: Value = serde_json::from_slice(&message.payload).expect("a message is JSON");
                assert_eq!(event["type"], message.subject.as_str());
                events.push(event);
                if sequence == state.last_sequence {
                    break;
                }
            }
        }
        Self::of(events)
    }

    /// Takes what someone had, and checks each event by itself.
    pub(super) fn of(had: Vec<Value>) -> Self {
        let (guide, mut ids) = (Guide::read(), HashSet::new());
        let (mut events, mut doubles) = (Vec::new(), 0);
        for event in had {
            guide.check(&event);
            if ids.insert(event["id"].as_str().unwrap().to_owned()) {
                events.push(event);
            } else {
                doubles += 1;
            }
        }
        Self { events, doubles }
    }

    /// Holds it to the log: all that is public is there, in the order of the log, and each event names the one before it in its
    /// stream.
    #[track_caller]
    pub(super) fn is_whole(&self, log: &[Event]) {
        let due = log.iter().filter(|event| is_public(event));
        let due: Vec<_> = due
            .map(|event| (event.position, format!("stele.events.{}", event.kind), event.stream.clone()))
            .collect();
        let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
        let had: Vec<_> = self
            .events
            .iter()
            .map(|event| (number_in(&text(event, "position")), text(event, "type"), text(event, "subject")))
            .collect();
        assert_eq!(had, due, "what the subscriber had and what is in the log");
        let mut last: HashMap<String, String> = HashMap::new();
        for event in &self.events {
            let before = last.insert(text(event, "subject"), text(event, "id"));
            assert_eq!(event["previousid"].as_str(), before.as_deref(), "before {event}");
        }
    }
}

fn is_public(event: &Event) -> bool {
    let kind = event.stream.split('-').next().unwrap();
    !["claim", "login"].contains(&kind) && !UNTOLD.contains(&event.kind.as_str())
}

/// What subscribers are promised.
struct Guide {
    schemas: Schemas,
    types: HashMap<String, SchemaIndex>,
}

impl Guide {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events");
        let (mut schemas, mut types) = (Schemas::new(), HashMap::new());
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let place = format!("https://schema.test/{name}.json");
            compiler.add_resource(&place, schema).unwrap();
            types.insert(name, compiler.compile(&place, &mut schemas).unwrap());
        }
        Self { schemas, types }
    }

    #[track_caller]
    fn check(&self, event: &Value) {
        let kind = event["type"].as_str().unwrap();
        let schema = self.types.get(kind).unwrap_or_else(|| panic!("{kind} has no schema"));
        self.schemas.validate(event, *schema).unwrap_or_else(|fault| panic!("{fault} in {event}"));
    }
}

/// How many of these events are public.
pub(super) fn public(log: &[Event]) -> usize {
    log.iter().filter(|event| is_public(event)).count()
}
