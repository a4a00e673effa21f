//! What follows the log in this process, as its roles say: read models, mails, and whatever else goes on until the process stops.

use std::{future::pending, sync::Arc, time::Duration};

use api::{
    app::{BusUser, Followed, Outlived},
    config::TokenMode,
};
use domain::claim::UNDER_WAY;
use projections::{Projector, ReadModel, SessionRow, UserRow};
use store::{
    Position,
    follow::{Follower, follow},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use workers::{
    Consumer, InProcess, Mailer, Relay, SWEEPER, Subscribed, Sweeper,
    bus::{Bucket, Durable, MAILER, REVOKER},
    nats::Access,
    relay::{Outward, RELAY},
    revoker::{Announcer, Lifetimes},
};

use super::ServeError;
use crate::{
    backends::Backends,
    mails,
    output::Terminal,
    settings::{Bus, Links, Outbox, Role, Roles, Settings},
};

/// The followers of which one leads, whichever process it is in, and whatever the bus is.
const LED: [&str; 3] = [UserRow::NAME, SessionRow::NAME, MAILER.role];
/// Those that are led where there is NATS.
const LED_ON_NATS: [&str; 2] = [RELAY, REVOKER.role];
/// How many events are announced at once.
const ANNOUNCED: usize = 16;

pub(super) struct Followers {
    stop: watch::Sender<bool>,
    places: Vec<(&'static str, watch::Receiver<Position>)>,
    running: JoinSet<()>,
    bus: Vec<BusUser>,
    /// Whether a crash can leave something half done in the log.
    sweeps: bool,
}

impl Followers {
    /// Takes part in the contest for what the roles of this process are to lead.
    pub(super) async fn start(
        roles: &Roles,
        (settings, links): (&Settings, &Links),
        backends: &Backends,
        terminal: &Terminal,
    ) -> Result<Self, ServeError> {
        let mut followers = Self {
            stop: watch::Sender::new(false),
            places: Vec::new(),
            running: JoinSet::new(),
            bus: Vec::new(),
            sweeps: backends.journal.log().appends_in_parts(),
        };
        let (journal, desk) = (&backends.journal, &backends.desk);
        if followers.sweeps && roles.take(Role::Api) {
            let sweeper = Sweeper::new(journal.clone(), Arc::clone(&backends.macs), desk.clone());
            followers.contend(SWEEPER, sweeper, backends);
        }
        if roles.take(Role::Projector) {
            let views = desk.views();
            let users = Projector::<UserRow>::new(journal.clone(), views.clone());
            let sessions = Projector::<SessionRow>::new(journal.clone(), views.clone());
            followers.contend(UserRow::NAME, users, backends);
            followers.contend(SessionRow::NAME, sessions, backends);
        }
        if roles.take(Role::Mailer) {
            let mailer = mailer((settings, links), backends, terminal).await?;
            followers.start_mailer(mailer, settings, backends);
        }
        if let Bus::Nats(access) = &settings.bus {
            if roles.take(Role::Relay) {
                followers.start_relay(access, links, backends);
            }
            if roles.take(Role::Revoker) {
                let announcer = announcer((settings, access), backends, followers.sessions());
                followers.subscribe(REVOKER, access, (announcer, ANNOUNCED), backends);
            }
        }
        Ok(followers)
    }

    fn start_mailer(&mut self, mailer: Mailer, settings: &Settings, backends: &Backends) {
        let at_once = at_once(settings);
        match &settings.bus {
            Bus::Memory => {
                let mailer = InProcess::new(MAILER.role, mailer, backends.desk.clone(), at_once);
                self.contend(MAILER.role, mailer, backends);
            }
            Bus::Nats(access) => {
                self.subscribe(MAILER, access, (mailer, at_once), backends);
            }
        }
    }

    fn start_relay(&mut self, access: &Access, links: &Links, backends: &Backends) {
        let outward = Outward::new(Arc::clone(backends.journal.log()), links.public_url.clone());
        let relay = Relay::new(access.clone(), outward, backends.desk.clone());
        self.uses_bus(BusUser { name: RELAY, leads: true, state: relay.state() });
        self.contend(RELAY, relay, backends);
    }

    /// Has a consumer get its events through NATS.
    fn subscribe(
        &mut self,
        durable: Durable,
        access: &Access,
        (consumer, at_once): (impl Consumer + 'static, usize),
        backends: &Backends,
    ) {
        let place = (Arc::clone(backends.journal.log()), backends.desk.clone());
        let subscribed = Subscribed::new(durable, access.clone(), place, consumer, at_once);
        self.uses_bus(BusUser { name: durable.role, leads: true, state: subscribed.state() });
        self.contend(durable.role, subscribed, backends);
    }

    /// Has health know of one who uses the bus.
    pub(super) fn uses_bus(&mut self, user: BusUser) {
        self.bus.push(user);
    }

    fn contend(&mut self, name: &'static str, follower: impl Follower + 'static, backends: &Backends) {
        let (progress, place) = watch::channel(Position::BEGINNING);
        let (log, desk) = (Arc::clone(backends.journal.log()), backends.desk.clone());
        self.run(name, place, follow(follower, log, desk, progress, self.stopping()));
    }

    /// Has something go on that tells at `place` how far it is, and that ends only when it is told to stop.
    pub(super) fn run(
        &mut self,
        name: &'static str,
        place: watch::Receiver<Position>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.places.push((name, place));
        self.running.spawn(task);
    }

    /// All followers of which one leads, those of other processes too.
    pub(super) fn led(&self, bus: &Bus) -> Vec<Followed> {
        let on_nats = bus.nats().map(|_| LED_ON_NATS).into_iter().flatten();
        let sweeper = self.sweeps.then_some(SWEEPER);
        LED.into_iter()
            .chain(on_nats)
            .chain(sweeper)
            .map(|name| Followed { name, lingers: lingers(name), here: self.place(name) })
            .collect()
    }

    /// What of this process uses the bus.
    pub(super) fn bus(&self) -> Vec<BusUser> {
        self.bus.clone()
    }

    /// How far a follower of this process has come, if it has such a one.
    pub(super) fn place(&self, name: &str) -> Option<watch::Receiver<Position>> {
        self.places.iter().find(|(known, _)| *known == name).map(|(_, place)| place.clone())
    }

    /// How far this process's own list of sessions has come; nowhere, if it makes none.
    pub(super) fn sessions(&self) -> watch::Receiver<Position> {
        self.place(SessionRow::NAME).unwrap_or_else(|| watch::channel(Position::BEGINNING).1)
    }

    /// Says when the followers were told to stop.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Comes back when a follower has ended, which none does of itself.
    pub(super) async fn ended(&mut self) {
        if self.running.join_next().await.is_none() {
            // A process without followers has none that could end.
            return pending().await;
        }
        tracing::error!("a follower ended, by a bug; the process ends too, to be started again");
    }

    /// Tells all followers to stop, and waits until they have brought to its end what they had begun; whoever has not by
    /// `until` is left where he stands, as a kill would leave him.
    pub(super) async fn stop(mut self, until: Instant) {
        self.stop.send_replace(true);
        let ended = timeout_at(until, async { while self.running.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            // Whoever has ended tells nobody any more how far he came.
            let late = self.places.iter().filter(|(_, place)| place.has_changed().is_ok());
            let late: Vec<&str> = late.map(|(name, _)| *name).collect();
            tracing::error!(followers = ?late, "followers did not end in time, and are cut off");
        }
    }
}

/// Files come one after the other, so that of those under way when the process dies at most one comes twice.
fn at_once(settings: &Settings) -> usize {
    match settings.mail.outbox {
        Outbox::Files(_) => 1,
        Outbox::Smtp(_) => settings.mail.connections,
    }
}

async fn mailer(
    (settings, links): (&Settings, &Links),
    backends: &Backends,
    terminal: &Terminal,
) -> Result<Mailer, ServeError> {
    let terminal = terminal.clone();
    // The one line that shows a link outside of its mail: to whoever started the server, on his terminal.
    let outbox = mails::outbox(settings, move |line| terminal.say(line)).await?;
    let composer = mails::composer(settings, links)?;
    Ok(Mailer::new(backends.journal.clone(), Arc::clone(&backends.macs), composer, outbox))
}

fn announcer(
    (settings, access): (&Settings, &Access),
    backends: &Backends,
    sessions: watch::Receiver<Position>,
) -> Announcer {
    let (journal, jwt) = (backends.journal.clone(), &settings.jwt.rules);
    let lifetimes = match settings.auth.tokens {
        TokenMode::Key => Lifetimes { refresh: jwt.session_max, access: Duration::ZERO },
        TokenMode::Jwt => Lifetimes { refresh: jwt.refresh_ttl, access: jwt.access_ttl },
    };
    let logins = Arc::new(Outlived::new(journal.clone(), backends.desk.clone(), sessions));
    Announcer::new(journal, logins, lifetimes, Bucket::new(REVOKER.role, access.clone()))
}

/// The sweeper stands before a claim until it is known what becomes of it.
fn lingers(name: &str) -> Duration {
    if name == SWEEPER { UNDER_WAY } else { Duration::ZERO }
}
