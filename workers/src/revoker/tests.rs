//! Which events end sessions, whatever is sealed in them.

use std::sync::Mutex;

use domain::{
    KeyId, Private,
    session::{self, RevocationReason},
    user::{self, PasswordHash},
};
use serde_json::Value;
use store::{NewEvent, Position, StreamId};
use uuid::Uuid;

use super::*;

#[derive(Default)]
struct Heard(Mutex<Vec<Revocation>>);

#[async_trait]
impl Revoked for Heard {
    async fn revoked(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(revocation);
        Ok(())
    }

    fn hear(&self, _: Instant) {}
}

fn recorded(stream: StreamId, event: impl serde::Serialize) -> Recorded {
    let tagged = serde_json::to_value(event).unwrap();
    let kind = tagged.get("type").and_then(Value::as_str).unwrap().to_owned();
    let event = NewEvent {
        id: Uuid::nil(),
        kind,
        correlation: Uuid::nil(),
        causation: None,
        actor: String::new(),
        data: "not even JSON".to_owned(),
        sealed: Some("nor this".to_owned()),
    };
    Recorded { event, stream, version: 1, position: Position(1), recorded_at: Time(7) }
}

async fn heard_of(event: Recorded) -> Vec<Revocation> {
    let revoker = Revoker::new(Heard::default());
    revoker.take(&[event]).await.unwrap();
    revoker.listener.0.into_inner().unwrap()
}

fn password() -> Private<PasswordHash> {
    Private::new(KeyId("password-1-x".to_owned()), PasswordHash("hash".to_owned()))
}

#[tokio::test]
async fn whatever_raises_an_epoch_is_heard_of_even_if_it_cannot_be_unsealed() {
    let at = Time(1);
    for event in [
        user::Event::PasswordChanged { password: password(), kept: None, at },
        user::Event::PasswordReset { password: password(), at },
        user::Event::UserDisabled { at },
        user::Event::UserEnabled { at },
    ] {
        let told = heard_of(recorded(StreamId::user(UserId(5)), event)).await;
        assert_eq!(told, [Revocation::Epoch { user: UserId(5), at: Time(7) }]);
    }
}

#[tokio::test]
async fn the_end_of_a_session_is_heard_of() {
    let event = session::Event::SessionRevoked { reason: RevocationReason::Logout, at: Time(1) };
    let told = heard_of(recorded(StreamId::session(SessionId(9)), event)).await;
    assert_eq!(told, [Revocation::Session { session: SessionId(9), at: Time(7) }]);
}

#[tokio::test]
async fn what_ends_no_session_is_not_told() {
    for event in [
        user::Event::EmailVerified { at: Time(1) },
        user::Event::PasswordRehashed { password: password(), at: Time(1) },
        user::Event::EmailChanged { at: Time(1) },
    ] {
        assert_eq!(heard_of(recorded(StreamId::user(UserId(5)), event)).await, []);
    }
}
