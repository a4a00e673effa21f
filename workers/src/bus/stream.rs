//! The stream on NATS that holds public events: made where there is none, and looked over where there is one. Knows nothing of what
//! is published to it.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context, ErrorCode,
    context::{GetStreamError, GetStreamErrorKind},
    stream::{
        Config, DiscardPolicy, Info, PersistenceMode, RawMessageErrorKind, RetentionPolicy, StorageType,
        Stream,
    },
};

use super::{BusError, Check, Mark, failed};
use crate::nats::{Access, Connection};

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

/// The stream, over a connection of its own.
pub struct EventStream {
    pub(crate) connection: Connection,
    pub(crate) context: Context,
    pub(crate) stream: Stream,
    /// Whether it was made just now.
    pub made: bool,
}

impl EventStream {
    /// Connects for a role, and makes the stream where there is none.
    pub async fn open(access: &Access, role: &str) -> Result<Self, BusError> {
        let connection = access.connect(role).await?;
        let context = jetstream::new(connection.client.clone());
        let (stream, made) = match context.get_stream(STREAM).await {
            Ok(stream) => (stream, false),
            Err(error) if is_missing(&error) => (context.create_stream(wanted()).await?, true),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { connection, context, stream, made })
    }

    /// As [`open`](Self::open), where there is one; makes nothing.
    pub async fn look(access: &Access, role: &str) -> Result<Option<Self>, BusError> {
        let connection = access.connect(role).await?;
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
    pub async fn count(&self) -> Result<(u64, u64), BusError> {
        let Info { state, .. } = self.stream.get_info().await?;
        Ok((state.messages, state.last_sequence))
    }

    /// What the message of this number says of itself; none where there is no message any more, or one of somebody else.
    pub(crate) async fn mark(&self, sequence: u64) -> Result<Option<Mark>, BusError> {
        match self.stream.get_raw_message(sequence).await {
            Ok(message) => Ok(serde_json::from_slice(&message.payload).ok()),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(source) => Err(BusError::Message { sequence, source }),
        }
    }

    /// Whether the connection was lost, for a moment or for good.
    pub(crate) fn is_lost(&self) -> bool {
        *self.connection.lost.borrow()
    }

    /// Comes back when the connection is lost.
    pub(crate) async fn lost(&self) {
        self.connection.lost().await;
    }
}

pub(super) fn is_missing(error: &GetStreamError) -> bool {
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
    let checks: [Check; 11] = [
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
    failed(STREAM, checks)
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
