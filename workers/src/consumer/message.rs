//! What a message on NATS is about: the event in the log, which alone has what a worker needs.

use std::{future::ready, pin::Pin, sync::Arc};

use async_nats::{
    Subject,
    jetstream::{Message, consumer::pull},
};
use futures_util::{FutureExt, Stream, StreamExt, future::Either};
use store::{EventLog, Recorded, StoreError};
use tokio::task::JoinError;

use crate::bus::{Found, Mark};

/// How many are looked up at once.
const AT_ONCE: usize = 16;

/// A message, and where to answer it.
pub(super) struct Noticed {
    pub(super) reply: Subject,
    pub(super) notice: Notice,
}

/// What a message is about.
pub(super) enum Notice {
    Event(Box<Recorded>),
    /// Nothing that the log has: why.
    Nothing(String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error("messages do not come any more")]
    Ended(#[from] pull::MessagesError),
    #[error("a message can't be answered")]
    Mute,
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("a message can't be looked up")]
    Broken(#[from] JoinError),
    #[error(
        "a message is of another log: its event stands at {0}; give each installation an account of its own on NATS"
    )]
    Foreign(String),
}

pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<Noticed, LookError>> + Send>>;

/// Looks each of the messages up in the log, in their order. In tasks of their own: the stream is not always polled, and who waits
/// in the middle of a read would keep others from theirs.
pub(super) fn look_up(messages: pull::Stream, log: Arc<dyn EventLog>) -> Messages {
    let found = messages.map(move |message| match message {
        Ok(message) => {
            let looking = tokio::spawn(find(message, Arc::clone(&log)));
            Either::Left(looking.map(|found| found.map_err(LookError::from).flatten()))
        }
        Err(error) => Either::Right(ready(Err(error.into()))),
    });
    Box::pin(found.buffered(AT_ONCE))
}

async fn find(message: Message, log: Arc<dyn EventLog>) -> Result<Noticed, LookError> {
    let reply = message.reply.clone().ok_or(LookError::Mute)?;
    Ok(Noticed { reply, notice: notice(&message.payload, log.as_ref()).await? })
}

async fn notice(payload: &[u8], log: &dyn EventLog) -> Result<Notice, LookError> {
    let Ok(mark) = serde_json::from_slice::<Mark>(payload) else {
        return Ok(Notice::Nothing("it is no event of Stele's".to_owned()));
    };
    match mark.look_up(log).await? {
        Found::Event(event) => Ok(Notice::Event(event)),
        Found::Nothing => Ok(Notice::Nothing(format!(
            "its event is not at {}: the log was perhaps put back from a backup",
            mark.position
        ))),
        // Whoever takes it from the right one would have it lost there.
        Found::Foreign => Err(LookError::Foreign(mark.position)),
    }
}
