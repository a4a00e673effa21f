//! What the journal promises: commands are decided on the newest state, and private values leave the process only sealed,
//! each in its place and under its key.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use data_encoding::{BASE64, BASE64URL, HEXLOWER};
use domain::{
    KeyId, LoginRecord, Private, ReservationId, Time, User, UserId, login,
    user::{Event, Names, PasswordHash, Registration},
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::{MasterKey, log::SqliteLog, sqlite, vault::Destroyed};

const SECRETS: [&str; 5] = [
    "ann.private@example.org",
    "ann-the-private",
    "Annabella",
    "Lovelace-Byron",
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
];

struct House {
    folder: TempDir,
    journal: Journal,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(log(&folder).await, vault(&folder, 1).await);
    House { folder, journal }
}

async fn log(folder: &TempDir) -> Arc<dyn EventLog> {
    Arc::new(SqliteLog::open(&folder.path().join("log.db")).await.unwrap())
}

async fn vault(folder: &TempDir, master: u8) -> Arc<Vault> {
    let path = folder.path().join("vault.db");
    let vault = Vault::open_file(&path, MasterKey([master; 32].into()));
    Arc::new(vault.await.unwrap())
}

const ANN: UserId = UserId(7);

fn password_key() -> KeyId {
    KeyId("password-7-first".to_owned())
}

fn registered() -> Event {
    let [email, username, first_name, last_name, hash] = SECRETS.map(str::to_owned);
    let names = Names { username, first_name, last_name };
    Event::UserRegistered(Registration {
        names: Private::new(KeyId::of_user(ANN), names),
        email: Some(Private::new(KeyId::of_user(ANN), email)),
        password: Some(Private::new(password_key(), PasswordHash(hash))),
        username_claim: ReservationId(random::id()),
        email_claim: Some(ReservationId(random::id())),
        email_verified: false,
        at: Time(1),
    })
}

impl House {
    /// Writes a registration, and answers it as it was recorded.
    async fn registration(&self) -> Recorded {
        let stream = StreamId::user(ANN);
        let change = Change::of::<User>(stream.clone(), 0, &[registered()]).unwrap();
        self.journal.append(&Context::of("test"), vec![change]).await.unwrap();
        self.journal.log().read_last(&stream, 1).await.unwrap().remove(0)
    }

    /// The same log with a vault that has no key in memory.
    async fn reopened(&self, master: u8) -> Journal {
        Journal::new(Arc::clone(self.journal.log()), vault(&self.folder, master).await)
    }
}

fn registration_in(event: &Event) -> &Registration {
    match event {
        Event::UserRegistered(registration) => registration,
        other => panic!("{other:?}"),
    }
}

/// How bytes would look if they were stored in clear, or merely encoded; base64 depends on what stands before them.
fn disguises(secret: &str) -> Vec<Vec<u8>> {
    let mut found = vec![secret.to_owned(), HEXLOWER.encode(secret.as_bytes())];
    found.push(found[1].to_uppercase());
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(secret.as_bytes());
        let whole = bytes.len() / 3 * 3;
        for encoding in [&BASE64, &BASE64URL] {
            let text = encoding.encode(&bytes[..whole]);
            found.push(text[before * 4 / 3 + usize::from(before > 0)..].to_owned());
        }
    }
    found.into_iter().map(String::into_bytes).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn files_of(folder: &Path) -> Vec<u8> {
    std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn the_search_for_secrets_finds_them_in_every_disguise() {
    for before in ["", "x", "xy"] {
        let text = format!("{before}{}|and more", SECRETS[0]);
        for stored in [text.clone(), BASE64.encode(text.as_bytes()), HEXLOWER.encode(text.as_bytes())] {
            let found = disguises(SECRETS[0]).iter().any(|disguise| holds(stored.as_bytes(), disguise));
            assert!(found, "{stored}");
        }
    }
}

#[tokio::test]
async fn private_values_are_in_no_file_in_any_disguise() {
    let house = house().await;
    let recorded = house.registration().await;
    let files = files_of(house.folder.path());
    assert!(holds(&files, recorded.event.data.as_bytes()), "the files are not searched");
    for secret in SECRETS {
        for disguise in disguises(secret) {
            assert!(!holds(&files, &disguise), "{secret} is stored");
        }
    }
    let event = house.journal.decode::<User>(&recorded).await.unwrap();
    assert_eq!(registration_in(&event).email.as_ref().unwrap().get().unwrap(), SECRETS[0]);
}

#[tokio::test]
async fn what_is_public_stays_readable_without_keys() {
    let house = house().await;
    let recorded = house.registration().await;
    let data: Value = serde_json::from_str(&recorded.event.data).unwrap();
    let fields: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["username_claim", "email_claim", "email_verified", "at"]);
}

#[tokio::test]
async fn a_sealed_value_opens_in_no_other_place() {
    let house = house().await;
    let recorded = house.registration().await;
    let elsewhere = Recorded { stream: StreamId::user(UserId(8)), ..recorded.clone() };
    let another_event = NewEvent { id: random::id(), ..recorded.event.clone() };
    let renamed = NewEvent { kind: "user.profile-updated.v1".to_owned(), ..recorded.event.clone() };
    let sealed = recorded.event.sealed.clone().unwrap();
    let swapped = NewEvent {
        sealed: Some(
            sealed
                .replace("\"names\"", "\"kept\"")
                .replace("\"email\"", "\"names\"")
                .replace("\"kept\"", "\"email\""),
        ),
        ..recorded.event.clone()
    };
    let with = |event| Recorded { event, ..recorded.clone() };
    for moved in [elsewhere, with(another_event), with(renamed), with(swapped)] {
        let outcome = house.journal.decode::<User>(&moved).await;
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_copied_event_does_not_fold_on_another_stream() {
    let house = house().await;
    let copy = NewEvent { id: random::id(), ..house.registration().await.event };
    let stream = StreamId::user(UserId(8));
    let write = Write { stream: stream.clone(), expected: 0, events: vec![copy] };
    house.journal.log().append(vec![write]).await.unwrap();
    let loaded = house.journal.load::<User>(&stream).await;
    let Err(StoreError::Corrupt { stream: named, version, .. }) = loaded else { panic!("{loaded:?}") };
    assert_eq!((named, version), (stream, 1));
}

#[tokio::test]
async fn a_destroyed_key_leaves_its_values_shredded_and_all_others_readable() {
    let house = house().await;
    let recorded = house.registration().await;
    let key = password_key();
    let vault = house.journal.vault();
    vault.destroy(&key, Destroyed::Superseded).await.unwrap();
    for journal in [house.journal.clone(), house.reopened(1).await] {
        let event = journal.decode::<User>(&recorded).await.unwrap();
        let registration = registration_in(&event);
        assert_eq!(registration.password, Some(Private { key: password_key(), value: None }));
        assert_eq!(registration.email.as_ref().unwrap().get().unwrap(), SECRETS[0]);
    }
}

#[tokio::test]
async fn a_key_that_is_missing_without_a_tombstone_is_an_error() {
    let house = house().await;
    let recorded = house.registration().await;
    let file = house.folder.path().join("vault.db");
    let pool = sqlite::open(&file, sqlite::Role::Vault, 1).await.unwrap();
    sqlx::query("delete from data_keys where id = 'user-7'").execute(&pool).await.unwrap();
    let outcome = house.reopened(1).await.decode::<User>(&recorded).await;
    let Err(StoreError::Corrupt { source, .. }) = outcome else { panic!("{outcome:?}") };
    let cause = source.downcast_ref::<VaultError>();
    assert!(matches!(cause, Some(VaultError::Missing(id)) if *id == KeyId::of_user(ANN)));
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let house = house().await;
    let recorded = house.registration().await;
    let outcome = house.reopened(2).await.decode::<User>(&recorded).await;
    let Err(StoreError::Corrupt { source, .. }) = outcome else { panic!("{outcome:?}") };
    let cause = source.downcast_ref::<VaultError>();
    assert!(matches!(cause, Some(VaultError::WrongMasterKey { .. })));
}

/// A private value deeper in the event than the top.
#[derive(Clone, Default)]
struct Deep;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum DeepEvent {
    #[serde(rename = "deep.held.v1")]
    Held { list: Vec<Private<String>> },
}

impl Aggregate for Deep {
    type Command = ();
    type Event = DeepEvent;
    type Error = login::Error;

    fn decide(&self, (): ()) -> Result<Vec<DeepEvent>, login::Error> {
        let held = Private::new(KeyId::of_user(ANN), SECRETS[0].to_owned());
        Ok(vec![DeepEvent::Held { list: vec![held] }])
    }

    fn evolve(self, _: &DeepEvent) -> Self {
        self
    }
}

#[tokio::test]
async fn a_private_value_where_it_would_not_be_sealed_is_refused() {
    let house = house().await;
    let stream = StreamId::named("deep-1");
    let outcome = house.journal.execute::<Deep>(&Context::of("test"), &stream, ()).await;
    assert!(matches!(outcome, Err(ExecuteError::Store(StoreError::Unwritable { .. }))));
    assert_eq!(house.journal.log().head().await.unwrap(), Position::BEGINNING);
}

/// A log in which someone else is quicker, as often as he is told to be.
struct Meddled {
    log: Arc<dyn EventLog>,
    others: AtomicU32,
    appends: AtomicU32,
}

#[async_trait]
impl EventLog for Meddled {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        let turn = self.appends.fetch_add(1, Ordering::SeqCst) + 1;
        let others = self.others.load(Ordering::SeqCst);
        if others > 0 {
            self.others.store(others - 1, Ordering::SeqCst);
            let mut theirs = writes.clone();
            for event in theirs.iter_mut().flat_map(|write| &mut write.events) {
                event.id = random::id();
                event.data = format!("{{\"at\":1,\"count\":{turn}}}");
            }
            self.log.append(theirs).await?;
        }
        self.log.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_all(after, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.log.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.log.grown()
    }

    fn log_id(&self) -> &str {
        self.log.log_id()
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.log.next_in_sequence(name).await
    }
}

/// Records the `count`th failed login while `others` others are quicker.
async fn fail(
    others: u32,
    count: u32,
) -> (u32, u64, Result<Executed<LoginRecord>, ExecuteError<login::Error>>) {
    let folder = tempfile::tempdir().unwrap();
    let meddled = Arc::new(Meddled {
        log: log(&folder).await,
        others: AtomicU32::new(others),
        appends: AtomicU32::new(0),
    });
    let journal = Journal::new(Arc::clone(&meddled) as Arc<dyn EventLog>, vault(&folder, 1).await);
    let command = login::Command::RecordFailure { at: Time(1), count };
    let stream = StreamId::login(ANN);
    let outcome = journal.execute::<LoginRecord>(&Context::of("test"), &stream, command).await;
    let loaded = journal.load::<LoginRecord>(&stream).await.unwrap();
    (meddled.appends.load(Ordering::SeqCst), loaded.version, outcome)
}

#[tokio::test]
async fn a_command_is_decided_again_when_someone_else_wrote_first() {
    let (appends, version, outcome) = fail(2, 10).await;
    let executed = outcome.unwrap();
    assert!(executed.recorded);
    assert_eq!((appends, version, executed.position), (3, 3, Position(3)));
}

#[tokio::test]
async fn what_someone_else_recorded_first_is_not_recorded_again() {
    let (appends, version, outcome) = fail(1, 1).await;
    let executed = outcome.unwrap();
    assert!(!executed.recorded);
    assert_eq!((appends, version, executed.position), (1, 1, Position(1)));
}

#[tokio::test]
async fn a_command_gives_up_after_four_conflicts() {
    let (appends, version, outcome) = fail(4, 10).await;
    let conflict = matches!(outcome, Err(ExecuteError::Store(StoreError::Conflict { .. })));
    assert!(conflict, "{outcome:?}");
    assert_eq!((appends, version), (4, 4));
}

#[tokio::test]
async fn a_refused_command_writes_nothing() {
    let house = house().await;
    let command = domain::user::Command::Disable { at: Time(1) };
    let outcome = house.journal.execute::<User>(&Context::of("test"), &StreamId::user(ANN), command).await;
    assert!(matches!(outcome, Err(ExecuteError::Refused(domain::user::Error::NotRegistered))));
    assert_eq!(house.journal.log().head().await.unwrap(), Position::BEGINNING);
}
