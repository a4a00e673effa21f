//! A log, a vault and a mailer in a folder that goes away, and an outbox that fails to order.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use domain::{MailId, Private, UserId, mail::Event};
use store::{
    Change, EventLog, MasterKey, NewEvent, Position, StreamId, Vault, Write,
    follow::{Desk, Tenure, follow},
    log::SqliteLog,
    node_keys::complete,
    random,
    views::Views,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::*;
use crate::{InProcess, LinkUrls, Sender};

pub(super) const USER: UserId = UserId(42);
pub(super) const EPOCH: u32 = 3;
/// In seconds.
pub(super) const HOUR: u64 = 3600;
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

pub(super) struct Kit {
    pub(super) journal: Journal,
    pub(super) keys: Arc<MacKeys>,
    pub(super) outbox: Arc<Scripted>,
    pub(super) log: Arc<Fragile>,
    mailer: Mailer,
    folder: tempfile::TempDir,
}

impl Kit {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey(Zeroizing::new([1; 32]));
        let vault = Vault::open_file(&folder.path().join("vault.db"), master).await.unwrap();
        complete(&vault).await.unwrap();
        let keys = Arc::new(MacKeys::from(&vault.node_keys().await.unwrap()).unwrap());
        let inner = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
        let log = Arc::new(Fragile { inner, refusing: AtomicBool::new(false) });
        let journal = Journal::new(log.clone(), Arc::new(vault));
        let outbox = Arc::new(Scripted::default());
        let mailer = mailer(&journal, &keys, &outbox);
        Self { journal, keys, outbox, log, mailer, folder }
    }

    pub(super) fn mailer_of_another_process(&self) -> Mailer {
        mailer(&self.journal, &self.keys, &self.outbox)
    }

    /// Records that a mail was asked for.
    pub(super) async fn ask(&self, request: Request) -> Recorded {
        let stream = StreamId::mail(MailId(random::id()));
        let change = Change::of::<Mail>(stream.clone(), 0, &[Event::MailRequested(request)]).unwrap();
        self.journal.append(&Context::of("anonymous"), vec![change]).await.unwrap();
        self.log.read_stream(&stream, 0).await.unwrap().remove(0)
    }

    /// Records a request that no version understands.
    pub(super) async fn ask_nonsense(&self) -> Recorded {
        let stream = StreamId::mail(MailId(random::id()));
        let event = NewEvent {
            id: random::id(),
            kind: "mail.requested.v1".to_owned(),
            correlation: random::id(),
            causation: None,
            actor: "anonymous".to_owned(),
            data: "{\"purpose\":\"sell\"}".to_owned(),
            sealed: None,
        };
        let write = Write { stream: stream.clone(), expected: 0, events: vec![event] };
        self.log.append(vec![write]).await.unwrap();
        self.log.read_stream(&stream, 0).await.unwrap().remove(0)
    }

    pub(super) async fn consume(&self, event: &Recorded) -> Result<(), TryAgain> {
        self.mailer.consume(event).await
    }

    /// Lets a mailer of its own follow the log until it has dealt with `position`.
    pub(super) async fn follow_to(&self, position: Position) {
        let tenure = Tenure { length: Duration::from_secs(30), sole: true };
        let desk = Desk::new(
            Views::open_file(&self.folder.path().join("views.db")).await.unwrap(),
            "node".to_owned(),
            tenure,
        );
        let follower = InProcess::new("mailer", self.mailer_of_another_process(), desk.clone(), 4);
        let (progress, mut reached) = watch::channel(Position::BEGINNING);
        let (stop, stopped) = watch::channel(false);
        let following = tokio::spawn(follow(follower, self.log.clone(), desk, progress, stopped));
        let done = reached.wait_for(|reached| *reached >= position);
        timeout(DEADLINE, done).await.expect("the follower comes this far").unwrap();
        stop.send_replace(true);
        following.await.unwrap();
    }

    pub(super) fn letters(&self) -> Vec<Letter> {
        self.outbox.letters.lock().unwrap().clone()
    }

    pub(super) fn only_letter(&self) -> Letter {
        let [letter] = self.letters().try_into().expect("one letter");
        letter
    }

    pub(super) async fn stream(&self, asked: &Recorded) -> Vec<Recorded> {
        self.log.read_stream(&asked.stream, 0).await.unwrap()
    }

    /// The event that ended a mail's story.
    pub(super) async fn outcome(&self, asked: &Recorded) -> Recorded {
        let [_, outcome] = self.stream(asked).await.try_into().expect("two events");
        outcome
    }

    pub(super) async fn failure(&self, asked: &Recorded) -> (u32, FailureReason) {
        match self.decoded(&self.outcome(asked).await).await {
            Event::MailFailed(failure) => (failure.attempt, failure.reason),
            other => panic!("{other:?}"),
        }
    }

    /// What the receiving side said in the end.
    pub(super) async fn answer(&self, asked: &Recorded) -> Option<String> {
        match self.decoded(&self.outcome(asked).await).await {
            Event::MailFailed(failure) => failure.answer.and_then(|answer| answer.value),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn decoded(&self, event: &Recorded) -> Event {
        self.journal.decode::<Mail>(event).await.unwrap()
    }
}

fn mailer(journal: &Journal, keys: &Arc<MacKeys>, outbox: &Arc<Scripted>) -> Mailer {
    let sender = Sender { name: None, address: "stele@localhost".to_owned() };
    let urls = LinkUrls {
        verify: "http://app/verify?key={key}".to_owned(),
        reset: "http://app/reset?uid={uid}&token={token}".to_owned(),
    };
    let composer = Composer::new(sender, urls, None).unwrap();
    Mailer::new(journal.clone(), keys.clone(), composer, outbox.clone())
}

fn request(purpose: Purpose, to: &str, life: Option<u64>) -> Request {
    let at = clock::now();
    let link = life.map(|seconds| LinkTerms {
        expires_at: Time::from_seconds((at + Duration::from_secs(seconds)).seconds()),
        epoch: EPOCH,
        key: "1".to_owned(),
    });
    let to = Private::new(KeyId::of_user(USER), to.to_owned());
    Request { purpose, user: USER, to, link, at }
}

pub(super) fn verify(to: &str, life: u64) -> Request {
    request(Purpose::VerifyEmail, to, Some(life))
}

pub(super) fn reset(to: &str, life: u64) -> Request {
    request(Purpose::ResetPassword, to, Some(life))
}

pub(super) fn notice(to: &str) -> Request {
    request(Purpose::PasswordChanged, to, None)
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Temporary,
    Permanent,
}

/// Keeps what it takes, and fails for some recipients as often as it was told to.
#[derive(Default)]
pub(super) struct Scripted {
    letters: Mutex<Vec<Letter>>,
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
}

impl Scripted {
    pub(super) fn fail(&self, to: &str, faults: &[Fault]) {
        self.faults.lock().unwrap().insert(to.to_owned(), faults.iter().copied().collect());
    }

    pub(super) fn faults_left(&self, to: &str) -> u32 {
        let left = self.faults.lock().unwrap().get(to).map_or(0, VecDeque::len);
        u32::try_from(left).unwrap()
    }
}

fn said(text: &str) -> Answer {
    Answer(text.to_owned())
}

#[async_trait]
impl Outbox for Scripted {
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliverError> {
        let fault = self.faults.lock().unwrap().get_mut(&letter.to).and_then(VecDeque::pop_front);
        match fault {
            Some(Fault::Temporary) => {
                Err(DeliverError::Temporary { source: "450".into(), answer: Some(said("450 greylisted")) })
            }
            Some(Fault::Permanent) => Err(DeliverError::Permanent {
                source: "550".into(),
                answer: Some(said("550 no such mailbox")),
            }),
            None => {
                self.letters.lock().unwrap().push(letter.clone());
                Ok(())
            }
        }
    }

    fn pauses(&self) -> &[Duration] {
        const PAUSES: [Duration; 1] = [Duration::from_millis(20)];
        &PAUSES
    }
}

/// The real log, which can be told to take nothing for a while.
pub(super) struct Fragile {
    inner: SqliteLog,
    refusing: AtomicBool,
}

impl Fragile {
    pub(super) fn refuse_appends(&self, refuse: bool) {
        self.refusing.store(refuse, SeqCst);
    }
}

#[async_trait]
impl EventLog for Fragile {
    async fn append(&self, writes: Vec<Write>) -> Result<Position, StoreError> {
        if self.refusing.load(SeqCst) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        self.inner.append(writes).await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_all(after, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.head().await
    }

    fn grown(&self) -> watch::Receiver<Position> {
        self.inner.grown()
    }

    fn log_id(&self) -> &str {
        self.inner.log_id()
    }

    async fn next_in_sequence(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.inner.next_in_sequence(name).await
    }
}
