//! Fills an installation with users through the journal, sealed and claimed as in life, and makes tokens for them: many
//! thousands in seconds, where hashing a password for each would take an hour.

use std::{sync::Arc, time::Duration};

use api::{
    password::{HashPool, PoolLimits, Secret},
    token::{
        jwt::{AccessClaims, Jwt, RefreshClaims},
        keyring::{Algorithm, Keyring, MacKeys as TokenKeys, SigningKey},
    },
};
use data_encoding::BASE64;
use domain::{
    Claim, KeyId, Mail, MailId, Private, ReservationId, Session, SessionId, User, UserId, claim,
    claim::Holding,
    mail::{self, LinkTerms},
    name::{NameKind, canonical},
    session::{self, Client, Issue, Start},
    user::{self, Names, PasswordHash, Registration},
};
use store::{
    Change, Context, Journal, MasterKey, StoreError, StreamId, clock,
    node_keys::{MacKeys, SIGNING},
    random,
    vault::NodeKey,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use zeroize::Zeroizing;

use crate::{
    engine::Engine,
    failed::{Failed, Outcome},
    load,
    process::{Home, MASTER_KEY, PUBLIC_URL, Process},
};

/// What every seeded user logs in with.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// How many events one user makes: two claims, his registration and a session.
pub(crate) const EVENTS_PER_USER: u32 = 4;

/// Whoever follows the log in a server that does everything.
const FOLLOWERS: [&str; 4] = ["users", "sessions", "mailer", "api"];

/// How many users go into one append, and how many appends are under way.
const AT_ONCE: u32 = 256;
const UNDER_WAY: usize = 4;

/// For how long the tokens of seeded users live: longer than any measurement.
const TOKEN_LIFE: i64 = 6 * 60 * 60;
const SESSION_LIFE: Duration = Duration::from_hours(24 * 30);
const CATCH_UP: Duration = Duration::from_mins(5);

/// An installation with users 1 to `users`, each with one session, and read models that tell of all of them.
pub(crate) struct Seeded {
    pub(crate) home: Home,
    pub(crate) users: u32,
    jwt: Jwt,
    kid: String,
}

impl Seeded {
    pub(crate) async fn on(engine: Engine, users: u32) -> Outcome<Self> {
        Self::at(Home::new(engine)?, users).await
    }

    /// Seeds a new installation, which the binary itself makes at a first start.
    pub(crate) async fn at(home: Home, users: u32) -> Outcome<Self> {
        home.serve().await?.stop()?;
        let seeded = Self::fill(home, users).await?;
        let server = seeded.home.serve().await?;
        caught_up(&server).await?;
        server.stop()?;
        Ok(seeded)
    }

    /// The same on a server, of which nothing is in the read models yet, and each session was refreshed so many times.
    pub(crate) async fn unread(users: u32, refreshes: u32) -> Outcome<Self> {
        let home = Home::new(Engine::Postgres)?;
        home.serve().await?.stop()?;
        let seeded = Self::fill(home, users).await?;
        let vault = Arc::new(seeded.home.vault.vault(master_key()?).await?);
        let journal = Journal::new(seeded.home.log.log().await?, Arc::clone(&vault));
        for counter in 1..=refreshes {
            let kid = seeded.kid.clone();
            append(&journal, users, move |user| refreshed(user, counter, kid.clone())).await?;
        }
        vault.close().await;
        Ok(seeded)
    }

    /// Has a mail asked for to each user, with a link in it.
    pub(crate) async fn ask_for_mails(&self) -> Outcome<()> {
        let vault = Arc::new(self.home.vault.vault(master_key()?).await?);
        let macs = MacKeys::from(&vault.node_keys().await?).ok_or(Failed::NoKeys(Algorithm::EdDsa))?;
        let (key, journal) = (
            macs.newest_link().id().to_owned(),
            Journal::new(self.home.log.log().await?, Arc::clone(&vault)),
        );
        append(&journal, self.users, move |user| verification(user, key.clone())).await?;
        vault.close().await;
        Ok(())
    }

    async fn fill(home: Home, users: u32) -> Outcome<Self> {
        let vault = Arc::new(home.vault.vault(master_key()?).await?);
        let keys = vault.node_keys().await?;
        let macs = Arc::new(MacKeys::from(&keys).ok_or(Failed::NoKeys(Algorithm::EdDsa))?);
        let (hash, of_births) = (PasswordHash(hash_once().await?), Arc::clone(&macs));
        let journal = Journal::new(home.log.log().await?, Arc::clone(&vault));
        append(&journal, users, move |user| birth(user, &of_births, &hash)).await?;
        let jwt = jwt(&keys, &macs)?;
        let kid = jwt.keyring().active(clock::now().0).ok_or(Failed::NoKeys(Algorithm::EdDsa))?.to_owned();
        vault.close().await;
        Ok(Self { home, users, jwt, kid })
    }

    pub(crate) fn access_tokens(&self, users: impl IntoIterator<Item = u32>) -> Outcome<Vec<String>> {
        users.into_iter().map(|user| self.access_token(user)).collect()
    }

    /// The first refresh tokens of the users' seeded sessions.
    pub(crate) fn refresh_tokens(&self, users: impl IntoIterator<Item = u32>) -> Outcome<Vec<String>> {
        users.into_iter().map(|user| self.refresh_token(user)).collect()
    }

    fn access_token(&self, user: u32) -> Outcome<String> {
        let now = clock::now();
        let claims = AccessClaims {
            user: UserId(user.into()),
            session: session_of(user),
            epoch: 0,
            iat: now.seconds(),
            exp: now.seconds() + TOKEN_LIFE,
            jti: random::bytes(),
        };
        Ok(self.jwt.sign_access(&claims, now.0)?)
    }

    fn refresh_token(&self, user: u32) -> Outcome<String> {
        let now = clock::now().seconds();
        let claims = RefreshClaims {
            user: UserId(user.into()),
            session: session_of(user),
            counter: 0,
            iat: now,
            exp: now + TOKEN_LIFE,
        };
        Ok(self.jwt.sign_refresh(&claims, &self.kid)?)
    }
}

pub(crate) fn name_of(user: u32) -> String {
    format!("user{user}")
}

fn address_of(user: u32) -> String {
    format!("user{user}@example.org")
}

/// Waits until every follower of a server that does everything has come to the log's head.
pub(crate) async fn caught_up(server: &Process) -> Outcome<()> {
    at_the_head(server, &FOLLOWERS).await
}

/// Waits until these followers have come to the log's head, as a server tells.
pub(crate) async fn at_the_head(server: &Process, followers: &[&str]) -> Outcome<()> {
    let end = Instant::now() + CATCH_UP;
    while Instant::now() < end {
        let health = load::get(server.address, "/health/ready").await?;
        let health: serde_json::Value = serde_json::from_str(&health)?;
        let lag = |name: &&str| health.get("parts")?.get(name)?.get("lag")?.as_u64();
        if followers.iter().all(|name| lag(name) == Some(0)) {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(Failed::Late("the followers come to the head of the log"))
}

fn master_key() -> Outcome<MasterKey> {
    let bytes = BASE64.decode(MASTER_KEY.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(MasterKey(Zeroizing::new(bytes.ok_or(Failed::Missing("the master key"))?)))
}

fn jwt(keys: &[NodeKey], macs: &MacKeys) -> Outcome<Jwt> {
    let signing = keys.iter().filter(|key| key.purpose == SIGNING).map(|key| {
        Ok(SigningKey {
            kid: key.id.clone(),
            algorithm: key.algorithm.parse()?,
            private: key.material.clone(),
            created_at: key.created_at.0,
            retired_at: key.retired_at.map(|at| at.0),
        })
    });
    let signing = signing.collect::<Outcome<Vec<_>>>()?;
    let macs = TokenKeys { refresh: macs.refresh.clone(), opaque: macs.opaque.clone() };
    Ok(Jwt::new(Keyring::new(&signing, Algorithm::EdDsa, macs)?, PUBLIC_URL.to_owned(), "stele".to_owned()))
}

/// Appends the changes of each user, those of many at once.
async fn append<F>(journal: &Journal, users: u32, changes_of: F) -> Outcome<()>
where
    F: Fn(u32) -> Result<Vec<Change>, StoreError> + Send + Sync + 'static,
{
    let changes_of = Arc::new(changes_of);
    let mut appends = JoinSet::new();
    let mut next = 1;
    while next <= users || !appends.is_empty() {
        while next <= users && appends.len() < UNDER_WAY {
            let last = users.min(next + AT_ONCE - 1);
            let (journal, changes_of) = (journal.clone(), Arc::clone(&changes_of));
            appends.spawn(async move {
                let changes = (next..=last).map(|user| changes_of(user)).collect::<Result<Vec<_>, _>>()?;
                journal.append(&Context::of("anonymous"), changes.into_iter().flatten().collect()).await
            });
            next = last + 1;
        }
        if let Some(appended) = appends.join_next().await {
            appended.map_err(|_| Failed::ThreadEnded)??;
        }
    }
    Ok(())
}

async fn hash_once() -> Outcome<String> {
    let limits = PoolLimits { threads: 1, queue: 1, deadline: Duration::from_secs(10) };
    let pool = HashPool::start(limits)?;
    let seat = pool.enter("bench").map_err(|_| Failed::NotHashed)?;
    pool.hash(seat, Secret::new(PASSWORD.to_owned()), random::bytes()).await.map_err(|_| Failed::NotHashed)
}

/// All that a registration with a verified address and a login write.
fn birth(user: u32, macs: &MacKeys, hash: &PasswordHash) -> Result<Vec<Change>, StoreError> {
    let (pk, at) = (UserId(user.into()), clock::now());
    let (username, email) = (name_of(user), address_of(user));
    let claim = |kind, name: &str, reservation| {
        let claimed = claim::Event::Claimed(Holding { holder: pk, reservation, at });
        Change::of::<Claim>(macs.claim_stream(kind, &canonical(kind, name)), 0, &[claimed])
    };
    let (username_claim, email_claim) = (ReservationId(random::id()), ReservationId(random::id()));
    let registration = Registration {
        names: Private::new(KeyId::of_user(pk), Names { username: username.clone(), ..Names::default() }),
        email: Some(Private::new(KeyId::of_user(pk), email.clone())),
        password: Some(Private::new(KeyId::of_password(pk, random::id()), hash.clone())),
        username_claim,
        email_claim: Some(email_claim),
        email_verified: true,
        at,
    };
    let id = session_of(user);
    let client = Client { address: "127.0.0.1".to_owned(), agent: "bench".to_owned() };
    let client = Private::new(KeyId::of_session(id), client);
    let start = Start { user: pk, epoch: 0, at, until: at + SESSION_LIFE, client, social: None };
    Ok(vec![
        claim(NameKind::Username, &username, username_claim)?,
        claim(NameKind::Email, &email, email_claim)?,
        Change::of::<User>(StreamId::user(pk), 0, &[user::Event::UserRegistered(registration)])?,
        Change::of::<Session>(StreamId::session(id), 0, &[session::Event::SessionStarted(start)])?,
    ])
}

/// All that a refresh writes.
fn refreshed(user: u32, counter: u32, kid: String) -> Result<Vec<Change>, StoreError> {
    let iat = clock::now();
    let event =
        session::Event::SessionRefreshed { counter, issue: Issue { iat, exp: iat + SESSION_LIFE, kid } };
    Ok(vec![Change::of::<Session>(StreamId::session(session_of(user)), counter.into(), &[event])?])
}

/// All that asking for one more mail writes.
fn verification(user: u32, key: String) -> Result<Vec<Change>, StoreError> {
    let (pk, at) = (UserId(user.into()), clock::now());
    let link = LinkTerms { expires_at: at + SESSION_LIFE, epoch: 0, key };
    let to = Private::new(KeyId::of_user(pk), address_of(user));
    let request = mail::Request { purpose: mail::Purpose::VerifyEmail, user: pk, to, link: Some(link), at };
    let stream = StreamId::mail(MailId(random::id()));
    Ok(vec![Change::of::<Mail>(stream, 0, &[mail::Event::MailRequested(request)])?])
}

fn session_of(user: u32) -> SessionId {
    scattered(user.into())
}

/// A number spread over all ids as random ones are, yet known without being kept: the finaliser of `MurmurHash3`, a
/// bijection.
pub(crate) fn scattered(number: u64) -> SessionId {
    let mut id = number;
    id = (id ^ (id >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    id = (id ^ (id >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    SessionId(id ^ (id >> 33))
}
