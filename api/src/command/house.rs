//! What the orders under test stand on: a log in memory that fails when it is told to, keys, settings and links.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::UserId;
use store::{
    Journal, MasterKey, Position, Recorded, StoreError, StreamId, Vault, Write, clock,
    link::{Link, Subject, verify_email_key},
    log::{MemoryLog, OneByOne, StreamLog},
    node_keys::{self, MacKeys},
    random,
};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

use super::Accounts;
use crate::{
    config::{Config, JwtRules, Limit, Limits, LoginMethods, PkMode, TokenMode, Verification},
    password::{HashPool, PoolLimits},
    token::cookie::{CookieRules, SameSite},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Before the append. Nothing is appended after it either.
    DiesBefore,
    /// After the append, before anybody hears of it.
    DiesAfter,
    /// Someone else was first.
    Beaten,
    /// It waits before the append, for others to be quicker.
    Waits,
}

#[derive(Default)]
struct Script {
    /// After how many appends what is to happen.
    next: Option<(usize, Fault)>,
    is_dead: bool,
}

/// A log on which one append fails.
#[derive(Clone, Default)]
pub(super) struct Faulty {
    log: MemoryLog,
    script: Arc<Mutex<Script>>,
    waits: Arc<Notify>,
    goes_on: Arc<Notify>,
}

impl Faulty {
    pub(super) fn fail_at(&self, append: usize, fault: Fault) {
        self.script.lock().unwrap().next = Some((append, fault));
    }

    /// Lets all go well from here on; whether anything failed.
    pub(super) fn recover(&self) -> bool {
        std::mem::take(&mut *self.script.lock().unwrap()).next.is_none()
    }

    /// Until an append waits.
    pub(super) async fn is_waiting(&self) {
        self.waits.notified().await;
    }

    /// Lets the append that waits go on.
    pub(super) fn go_on(&self) {
        self.goes_on.notify_one();
    }

    fn due(&self) -> Option<Fault> {
        let mut script = self.script.lock().unwrap();
        if script.is_dead {
            return Some(Fault::DiesBefore);
        }
        let (left, fault) = script.next?;
        script.next = left.checked_sub(1).map(|left| (left, fault));
        script.is_dead = left == 0 && matches!(fault, Fault::DiesBefore | Fault::DiesAfter);
        (left == 0).then_some(fault)
    }
}

/// Lets others go first, now and then.
async fn dawdle() {
    for _ in 0..random::number() % 4 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl StreamLog for Faulty {
    async fn append_to_stream(&self, write: Write) -> Result<Position, StoreError> {
        dawdle().await;
        match self.due() {
            None => self.log.append_to_stream(write).await,
            Some(Fault::DiesBefore) => Err(StoreError::Unavailable("it died".into())),
            Some(Fault::DiesAfter) => {
                self.log.append_to_stream(write).await?;
                Err(StoreError::Unavailable("it died".into()))
            }
            Some(Fault::Waits) => {
                self.waits.notify_one();
                self.goes_on.notified().await;
                self.log.append_to_stream(write).await
            }
            Some(Fault::Beaten) => Err(StoreError::Conflict { stream: write.stream }),
        }
    }

    async fn append_nothing(&self) -> Result<Position, StoreError> {
        self.log.append_nothing().await
    }

    async fn read_stream(&self, stream: &StreamId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        dawdle().await;
        self.log.read_stream(stream, after).await
    }

    async fn read_last(&self, stream: &StreamId, count: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_last(stream, count).await
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_all(after, limit).await
    }

    async fn read_kinds(
        &self,
        kinds: &[&str],
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.log.read_kinds(kinds, after, limit).await
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

/// Accounts on this log, and the folder of their vault.
pub(super) async fn accounts_on(log: &Faulty) -> (TempDir, Accounts) {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_file(&folder.path().join("vault.db"), MasterKey([1; 32].into())).await.unwrap();
    let macs = Arc::new(mac_keys(&vault).await);
    let journal = Journal::new(Arc::new(OneByOne(log.clone())), Arc::new(vault));
    let limits = PoolLimits { threads: 1, queue: 64, deadline: Duration::from_mins(1) };
    let hashes = HashPool::start(limits).unwrap();
    (folder, Accounts::new(journal, macs, hashes, Arc::new(config())))
}

async fn mac_keys(vault: &Vault) -> MacKeys {
    node_keys::complete(vault).await.unwrap();
    MacKeys::from(&vault.node_keys().await.unwrap()).unwrap()
}

/// The link that was mailed to an address.
pub(super) fn verification_link(macs: &MacKeys, user: UserId, email: &str) -> Link {
    let expires_at = clock::now().seconds() + 3600;
    let subject = Subject { user, email, epoch: 0, expires_at };
    Link::parse_verify_email(&verify_email_key(macs.newest_link(), &subject)).unwrap()
}

pub(super) fn config() -> Config {
    let hour = Duration::from_hours(1);
    Config {
        base_path: String::new(),
        tokens: TokenMode::Jwt,
        login: LoginMethods::Both,
        email_verification: Verification::Optional,
        old_password_required: false,
        logout_on_get: false,
        logout_on_password_change: false,
        verify_ttl: hour,
        reset_ttl: hour,
        pk: PkMode::Time,
        jwt: JwtRules {
            access_ttl: hour,
            refresh_ttl: hour,
            rotate_refresh: true,
            refresh_grace: Duration::ZERO,
            session_max: hour,
            return_expiration: false,
        },
        cookies: CookieRules {
            access: None,
            refresh: None,
            refresh_path: "/".to_owned(),
            secure: false,
            samesite: SameSite::Lax,
            domain: None,
            httponly: true,
        },
        limits: no_limits(),
        max_silence: hour,
    }
}

fn no_limits() -> Limits {
    let limit = Limit { count: 1, window: Duration::from_hours(1) };
    Limits {
        enabled: false,
        login: limit,
        password_check: limit,
        reset: limit,
        resend: limit,
        registration: limit,
        change: limit,
        profile: limit,
        link: limit,
        social: limit,
        network: limit,
    }
}
