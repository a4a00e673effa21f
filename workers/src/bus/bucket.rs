//! The bucket of sessions that were ended before their time: one entry for each, which is gone when its last token has expired. What
//! is put into it the server tells, at once, to whoever listens.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context,
    context::PublishError,
    message::PublishMessage,
    stream::{Config, DiscardPolicy, Republish, StorageType},
};
use tokio::sync::Mutex;

use super::{BusError, Check, failed, stream::is_missing};
use crate::nats::{Access, ConnectError, Connection};

/// Its name, as those know it who read it.
pub const BUCKET: &str = "stele-revocations";
/// Where one hears of new entries, each under its session.
pub const HEARD: &str = "stele.revocations.*";
/// Where the server tells of them.
const TOLD: &str = "stele.revocations.>";
/// The stream that the bucket is underneath.
const ENDED: &str = "KV_stele-revocations";

/// The bucket, for one who puts entries into it.
pub struct Bucket {
    role: &'static str,
    access: Access,
    connection: Mutex<Option<(Connection, Context)>>,
}

#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the bucket {BUCKET} does not take an entry")]
    Refused(#[from] PublishError),
}

impl Bucket {
    pub fn new(role: &'static str, access: Access) -> Self {
        Self { role, access, connection: Mutex::new(None) }
    }

    /// Puts an entry in that ends after `life`, and comes back when the server has it.
    pub async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutError> {
        // The server counts whole seconds: rather one too many.
        let life = Duration::from_secs(life.as_secs() + 1);
        let message = PublishMessage::build().ttl(life).payload(value.into());
        self.context().await?.send_publish(entry(key), message).await?.await?;
        Ok(())
    }

    /// Connects where it is not connected.
    async fn context(&self) -> Result<Context, ConnectError> {
        let mut connection = self.connection.lock().await;
        if let Some((known, context)) = &*connection
            && !*known.lost.borrow()
        {
            return Ok(context.clone());
        }
        let new = self.access.connect(self.role).await?;
        let context = jetstream::new(new.client.clone());
        *connection = Some((new, context.clone()));
        Ok(context)
    }
}

/// What an entry is published to.
fn entry(key: &str) -> String {
    format!("$KV.{BUCKET}.{key}")
}

pub(super) async fn make(context: &Context) -> Result<(), BusError> {
    Ok(context.create_stream(wanted()).await.map(drop)?)
}

/// What is wrong with the one that is there; none where there is none.
pub(super) async fn look(context: &Context) -> Result<Option<Vec<String>>, BusError> {
    match context.get_stream(ENDED).await {
        Ok(found) => Ok(Some(faults(&found.cached_info().config))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(BusError::Bucket(error)),
    }
}

/// A bucket as NATS defines it (ADR-8), whose entries bring the time of their end along (ADR-43) and are told on (ADR-28).
fn wanted() -> Config {
    Config {
        name: ENDED.to_owned(),
        description: Some("Sessions that were ended before their time".to_owned()),
        subjects: vec![entry(">")],
        max_messages_per_subject: 1,
        storage: StorageType::File,
        num_replicas: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        republish: Some(told()),
        ..Config::default()
    }
}

fn told() -> Republish {
    Republish { source: entry(">"), destination: TOLD.to_owned(), headers_only: false }
}

fn faults(found: &Config) -> Vec<String> {
    let wanted = wanted();
    let checks: [Check; 5] = [
        (found.subjects == wanted.subjects, format!("its subjects are {:?}", found.subjects)),
        (found.allow_message_ttl, "its entries have no end: allow_msg_ttl is wanted".to_owned()),
        (
            found.republish.as_ref().is_some_and(|found| {
                (&found.source, &found.destination, found.headers_only)
                    == (&told().source, &told().destination, false)
            }),
            format!("nobody hears of its entries: republishing to {TOLD} is wanted"),
        ),
        (
            found.max_age.is_zero(),
            format!("its entries end after {} s: no max_age is wanted", found.max_age.as_secs()),
        ),
        (found.storage == wanted.storage, "it is kept in memory: storage file is wanted".to_owned()),
    ];
    failed(BUCKET, checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_as_it_is_made_has_no_faults_and_each_fault_of_another_is_named() {
        assert_eq!(faults(&wanted()), Vec::<String>::new());
        let elsewhere = Republish { destination: "other.>".to_owned(), ..told() };
        let cases = [
            ("subjects", Config { subjects: vec!["other.>".to_owned()], ..wanted() }),
            ("allow_msg_ttl", Config { allow_message_ttl: false, ..wanted() }),
            ("nobody hears", Config { republish: None, ..wanted() }),
            ("nobody hears", Config { republish: Some(elsewhere), ..wanted() }),
            ("max_age", Config { max_age: Duration::from_hours(1), ..wanted() }),
            ("memory", Config { storage: StorageType::Memory, ..wanted() }),
        ];
        for (word, config) in cases {
            let faults = faults(&config);
            assert!(faults.len() == 1 && faults[0].contains(word), "{word}: {faults:?}");
        }
    }
}
