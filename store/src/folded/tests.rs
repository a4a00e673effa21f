//! That remembered states are those that the log tells.

use std::sync::Arc;

use domain::{
    Session, SessionId, Time, User, UserId,
    session::{Event, RevocationReason},
    user::{self, Error},
};
use zeroize::Zeroizing;

use super::*;
use crate::{Change, Context, ExecuteError, MasterKey, Vault, log::SqliteLog};

const SOME: NonZeroUsize = NonZeroUsize::new(2).unwrap();

async fn journal(folder: &tempfile::TempDir) -> Journal {
    let master = MasterKey(Zeroizing::new([1; 32]));
    let vault = Vault::open_file(&folder.path().join("vault.db"), master).await.unwrap();
    let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
    Journal::new(Arc::new(log), Arc::new(vault))
}

async fn record(journal: &Journal, user: UserId, expected: u64, event: user::Event) {
    let change = Change::of::<User>(StreamId::user(user), expected, &[event]).unwrap();
    journal.append(&Context::of("test"), vec![change]).await.unwrap();
}

#[tokio::test]
async fn what_was_recorded_since_is_folded_over_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(&folder).await, Folded::<User>::new(SOME, Seals::Opened));
    let stream = StreamId::user(UserId(1));
    assert_eq!(users.load(&journal, &stream).await.unwrap().version, 0);

    record(&journal, UserId(1), 0, user::Event::RegistrationAbandoned { at: Time(1) }).await;
    for _ in 0..3 {
        let loaded = users.load(&journal, &stream).await.unwrap();
        assert_eq!((loaded.version, &loaded.state), (1, &User::Abandoned));
    }
    let command = user::Command::Disable { at: Time(2) };
    let refused = journal.execute::<User>(&Context::of("test"), &stream, command).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Error::NotRegistered))));
    record(&journal, UserId(1), 1, user::Event::UserEnabled { at: Time(3) }).await;
    assert_eq!(users.load(&journal, &stream).await.unwrap().version, 2);
}

#[tokio::test]
async fn no_more_are_remembered_than_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, users) = (journal(&folder).await, Folded::<User>::new(SOME, Seals::Opened));
    for user in 1..=5 {
        record(&journal, UserId(user), 0, user::Event::RegistrationAbandoned { at: Time(1) }).await;
        users.load(&journal, &StreamId::user(UserId(user))).await.unwrap();
    }
    assert_eq!(users.states.lock().unwrap().len(), 2);
    assert_eq!(users.load(&journal, &StreamId::user(UserId(1))).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, sessions) = (journal(&folder).await, Folded::<Session>::new(SOME, Seals::Opened));
    let stream = StreamId::session(SessionId(1));
    let event = Event::SessionRevoked { reason: RevocationReason::Logout, at: Time(1) };
    let wrong = Change::of::<Session>(StreamId::user(UserId(9)), 0, &[event]).unwrap();
    journal.append(&Context::of("test"), vec![wrong]).await.unwrap();
    let users = Folded::<User>::new(SOME, Seals::Opened);
    let outcome = users.load(&journal, &StreamId::user(UserId(9))).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt { .. })));
    assert_eq!(users.states.lock().unwrap().len(), 0);
    assert_eq!(sessions.load(&journal, &stream).await.unwrap().version, 0);
}
