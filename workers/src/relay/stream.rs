//! The stream on NATS that holds public events: made where there is none, looked over where there is one, and asked where it
//! ends. Knows how a message is fenced, not which one comes next.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context, ErrorCode,
    context::{CreateStreamError, GetStreamError, GetStreamErrorKind, PublishAckFuture, PublishError},
    message::PublishMessage,
    stream::{Config, DiscardPolicy, Info, InfoError, PersistenceMode, RetentionPolicy, StorageType, Stream},
};
use serde::Deserialize;
use uuid::Uuid;

use super::message::{CONTENT_TYPE, Message};
use crate::nats::{Access, ConnectError, Connection};

/// Its name, which subscribers ask for.
pub const STREAM: &str = "STELE_EVENTS";
/// What is published to it.
const SUBJECTS: &str = "stele.events.>";
/// How long it keeps an event.
const RETENTION: Duration = Duration::from_hours(30 * 24);
/// For how long it knows an event again that is published once more.
const DUPLICATES: Duration = Duration::from_mins(2);
/// The oldest server that is taken without a word.
const OLDEST: (i64, i64, i64) = (2, 12, 0);
/// How many messages of others are passed over at the end of the stream, in search of one of Stele's.
const STRANGERS: u64 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the stream {STREAM} can't be read")]
    Unreadable(#[from] GetStreamError),
    #[error("the stream {STREAM} can't be made")]
    Unmade(#[from] CreateStreamError),
    #[error("the stream {STREAM} does not say how it is")]
    Silent(#[from] InfoError),
}

/// The stream, over a connection of its own.
pub struct EventStream {
    connection: Connection,
    context: Context,
    stream: Stream,
    /// Whether it was made just now.
    pub made: bool,
}

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// There never was a message in it.
    New,
    /// There were messages, and none of Stele's is left.
    Forgotten { sequence: u64 },
    /// The last message of Stele's, and the number of the last one of all.
    At { sequence: u64, last: Last },
}

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Last {
    pub(super) id: Uuid,
    /// With the name of its log.
    pub(super) position: String,
}

/// Which message a stream must end with to take another one.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    Sequence(u64),
    Id(Uuid),
}

impl EventStream {
    /// Connects, and makes the stream where there is none.
    pub async fn open(access: &Access) -> Result<Self, StreamError> {
        let connection = access.connect("relay").await?;
        let context = jetstream::new(connection.client.clone());
        let (stream, made) = match context.get_stream(STREAM).await {
            Ok(stream) => (stream, false),
            Err(error) if is_missing(&error) => (context.create_stream(wanted()).await?, true),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { connection, context, stream, made })
    }

    /// As [`open`](Self::open), where there is one; makes nothing.
    pub async fn look(access: &Access) -> Result<Option<Self>, StreamError> {
        let connection = access.connect("relay").await?;
        let context = jetstream::new(connection.client.clone());
        match context.get_stream(STREAM).await {
            Ok(stream) => Ok(Some(Self { connection, context, stream, made: false })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is not as it should be with the server and the stream, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let (client, (major, minor, patch)) = (&self.connection.client, OLDEST);
        let mut faults = config_faults(&self.stream.cached_info().config);
        if !client.is_server_compatible(major, minor, patch) {
            let version = client.server_info().version;
            faults.insert(
                0,
                format!("the server is of version {version}, and {major}.{minor} or newer is wanted"),
            );
        }
        faults
    }

    /// The server's version.
    pub fn version(&self) -> String {
        self.connection.client.server_info().version
    }

    /// How many messages it holds, and the number of the last one.
    pub async fn count(&self) -> Result<(u64, u64), StreamError> {
        let Info { state, .. } = self.stream.get_info().await?;
        Ok((state.messages, state.last_sequence))
    }

    /// Where it ends now.
    pub(super) async fn end(&self) -> Result<End, StreamError> {
        let Info { state, .. } = self.stream.get_info().await?;
        let sequence = state.last_sequence;
        if sequence == 0 {
            return Ok(End::New);
        }
        let first = state.first_sequence.max(sequence.saturating_sub(STRANGERS));
        for number in (first..=sequence).rev() {
            // What was removed since then, or is nobody's who publishes events, is passed over.
            let Ok(message) = self.stream.get_raw_message(number).await else { continue };
            if let Ok(last) = serde_json::from_slice(&message.payload) {
                return Ok(End::At { sequence, last });
            }
        }
        Ok(End::Forgotten { sequence })
    }

    /// Hands a message over, to be stored only after the one that is named, or after any. The answer says whether it was.
    pub(super) async fn publish(
        &self,
        message: &Message,
        after: Option<After>,
    ) -> Result<PublishAckFuture, PublishError> {
        let publish = PublishMessage::build()
            .message_id(message.id.to_string())
            .expected_stream(STREAM)
            .header("Content-Type", CONTENT_TYPE)
            .payload(message.body.clone().into());
        let publish = match after {
            Some(After::Sequence(sequence)) => publish.expected_last_sequence(sequence),
            Some(After::Id(id)) => publish.expected_last_message_id(id.to_string()),
            None => publish,
        };
        self.context.send_publish(message.subject, publish).await
    }

    /// Whether the connection was lost, for a moment or for good.
    pub(super) fn is_lost(&self) -> bool {
        *self.connection.lost.borrow()
    }

    /// Comes back when the connection is lost.
    pub(super) async fn lost(&self) {
        self.connection.lost().await;
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn wanted() -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some("What happened to users, sessions and mails, for whoever subscribes".to_owned()),
        subjects: vec![SUBJECTS.to_owned()],
        retention: RetentionPolicy::Limits,
        max_age: RETENTION,
        storage: StorageType::File,
        num_replicas: 1,
        // One that is full takes no more until there is room: nothing is lost silently, as the log has it all.
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATES,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        ..Config::default()
    }
}

/// What an existing stream has otherwise than it should. More replicas, and limits that somebody set, are his to decide.
fn config_faults(found: &Config) -> Vec<String> {
    let wanted = wanted();
    let checks = [
        (
            found.subjects == wanted.subjects,
            format!("its subjects are {:?}, and {SUBJECTS} is wanted", found.subjects),
        ),
        (
            found.retention == wanted.retention,
            "it forgets what was consumed: retention limits is wanted".to_owned(),
        ),
        (found.storage == wanted.storage, "it is kept in memory: storage file is wanted".to_owned()),
        (
            found.max_age.is_zero() || found.max_age >= wanted.max_age,
            format!("it forgets after {} s: {} s are wanted", found.max_age.as_secs(), RETENTION.as_secs()),
        ),
        (
            found.discard == wanted.discard,
            "it drops old events when it is full: discard new is wanted".to_owned(),
        ),
        (
            found.duplicate_window >= wanted.duplicate_window,
            format!(
                "it knows doubles for {} s: {} s are wanted",
                found.duplicate_window.as_secs(),
                DUPLICATES.as_secs()
            ),
        ),
        (found.deny_delete, "events can be deleted from it: deny_delete is wanted".to_owned()),
        (found.deny_purge, "it can be purged: deny_purge is wanted".to_owned()),
        (!found.no_ack, "it acknowledges nothing: no_ack is not to be set".to_owned()),
        (!found.allow_rollup, "publishers can roll it up: allow_rollup_hdrs is not to be set".to_owned()),
        (
            found.persist_mode != Some(PersistenceMode::Async),
            "it acknowledges what is not on disk yet: persist_mode default is wanted".to_owned(),
        ),
    ];
    checks.into_iter().filter(|(well, _)| !well).map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_as_it_is_made_has_no_faults_and_may_keep_more() {
        assert_eq!(config_faults(&wanted()), Vec::<String>::new());
        let more = Config { max_age: RETENTION * 2, num_replicas: 3, max_bytes: 1 << 40, ..wanted() };
        assert_eq!(config_faults(&more), Vec::<String>::new());
        let ever = Config { max_age: Duration::ZERO, ..wanted() };
        assert_eq!(config_faults(&ever), Vec::<String>::new());
    }

    #[test]
    fn each_fault_of_an_existing_stream_is_named() {
        let cases = [
            ("subjects", Config { subjects: vec!["other.>".to_owned()], ..wanted() }),
            ("retention", Config { retention: RetentionPolicy::WorkQueue, ..wanted() }),
            ("storage", Config { storage: StorageType::Memory, ..wanted() }),
            ("forgets after", Config { max_age: Duration::from_hours(1), ..wanted() }),
            ("discard", Config { discard: DiscardPolicy::Old, ..wanted() }),
            ("doubles", Config { duplicate_window: Duration::from_secs(1), ..wanted() }),
            ("deny_delete", Config { deny_delete: false, ..wanted() }),
            ("deny_purge", Config { deny_purge: false, ..wanted() }),
            ("no_ack", Config { no_ack: true, ..wanted() }),
            ("allow_rollup", Config { allow_rollup: true, ..wanted() }),
            ("persist_mode", Config { persist_mode: Some(PersistenceMode::Async), ..wanted() }),
        ];
        for (word, config) in cases {
            let faults = config_faults(&config);
            assert!(faults.len() == 1 && faults[0].contains(word), "{word}: {faults:?}");
        }
    }
}
