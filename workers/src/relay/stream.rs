//! Where the stream of events ends, and how a message is fenced that is to follow its last one. Knows not which one comes next.

use async_nats::jetstream::{
    context::{PublishAckFuture, PublishError},
    message::PublishMessage,
    stream::Info,
};
use uuid::Uuid;

use super::message::{CONTENT_TYPE, Message};
use crate::bus::{BusError, EventStream, Mark, STREAM};

/// How many messages of others are passed over at the end of the stream, in search of one of Stele's.
const STRANGERS: u64 = 1000;

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// There never was a message in it.
    New,
    /// There were messages, and none of Stele's is left.
    Forgotten { sequence: u64 },
    /// The last message of Stele's, and the number of the last one of all.
    At { sequence: u64, last: Mark },
}

/// Which message a stream must end with to take another one.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    Sequence(u64),
    Id(Uuid),
}

impl EventStream {
    /// Where it ends now.
    pub(super) async fn end(&self) -> Result<End, BusError> {
        let Info { state, .. } = self.stream.get_info().await?;
        let sequence = state.last_sequence;
        if sequence == 0 {
            return Ok(End::New);
        }
        let first = state.first_sequence.max(sequence.saturating_sub(STRANGERS));
        for number in (first..=sequence).rev() {
            // What was removed since then, or is nobody's who publishes events, is passed over.
            if let Some(last) = self.mark(number).await? {
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
}
