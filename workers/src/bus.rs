//! What Stele keeps on NATS: the stream of events, the consumers of its workers and the bucket of revocations. Made where they are
//! missing, and looked over where they are there; knows nothing of what goes through them.

mod bucket;
mod durable;
mod mark;
mod state;
mod stream;

use async_nats::jetstream::{
    context::{ConsumerInfoError, CreateStreamError, GetStreamError},
    stream::{ConsumerError, InfoError, RawMessageError},
};

use crate::nats::ConnectError;

pub use bucket::{BUCKET, Bucket, HEARD};
pub(crate) use durable::SIGN;
pub use durable::{Durable, MAILER, REVOKER};
pub(crate) use mark::{Found, Mark};
pub use state::{BusState, Known};
pub use stream::{EventStream, STREAM};

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the stream {STREAM} can't be read")]
    Unreadable(#[from] GetStreamError),
    #[error("a stream can't be made")]
    Unmade(#[from] CreateStreamError),
    #[error("the stream {STREAM} does not say how it is")]
    Silent(#[from] InfoError),
    #[error("message {sequence} of the stream {STREAM} can't be read")]
    Message {
        sequence: u64,
        #[source]
        source: RawMessageError,
    },
    #[error("the consumer {name} can't be made")]
    NoConsumer {
        name: &'static str,
        #[source]
        source: ConsumerError,
    },
    #[error("the consumer {name} can't be used")]
    Consumer {
        name: &'static str,
        #[source]
        source: ConsumerInfoError,
    },
    #[error("{0} is not there yet: the relay makes it, or `stele nats setup`")]
    Missing(&'static str),
    #[error("the bucket {BUCKET} can't be read")]
    Bucket(#[source] GetStreamError),
}

/// What is on NATS now.
pub struct SetUp {
    /// The names of those that were made just now.
    pub made: Vec<&'static str>,
    /// What is not as it should be, a sentence each.
    pub faults: Vec<String>,
}

/// Makes what is missing beside the stream of events. What is there stays as it is.
pub async fn set_up(stream: &EventStream) -> Result<SetUp, BusError> {
    let mut made = Vec::from_iter(stream.made.then_some(STREAM));
    let mut faults = stream.faults();
    for durable in [MAILER, REVOKER] {
        if let Some(found) = durable.look(stream).await? {
            faults.extend(found);
        } else {
            durable.make(stream).await?;
            made.push(durable.name);
        }
    }
    if let Some(found) = bucket::look(&stream.context).await? {
        faults.extend(found);
    } else {
        // What was in the one that is gone the revoker puts in again, while tokens live: it gets all of it once more. The bucket
        // comes last: one that is there says that this was done.
        if !made.contains(&REVOKER.name) {
            REVOKER.make_anew(stream).await?;
        }
        bucket::make(&stream.context).await?;
        made.push(BUCKET);
    }
    Ok(SetUp { made, faults })
}

/// What is not as it should be, a sentence each. Makes nothing.
pub async fn look(stream: &EventStream) -> Result<Vec<String>, BusError> {
    let missing = |name| vec![format!("{name} is not there")];
    let mut faults = stream.faults();
    for durable in [MAILER, REVOKER] {
        faults.extend(durable.look(stream).await?.unwrap_or_else(|| missing(durable.name)));
    }
    faults.extend(bucket::look(&stream.context).await?.unwrap_or_else(|| missing(BUCKET)));
    Ok(faults)
}

/// A check of something that exists, and what to say where it fails.
type Check = (bool, String);

fn failed(name: &str, checks: impl IntoIterator<Item = Check>) -> Vec<String> {
    let faults = checks.into_iter().filter(|(well, _)| !well);
    faults.map(|(_, fault)| format!("{name}: {fault}")).collect()
}
