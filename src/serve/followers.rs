//! The followers of the log that this process runs: read models, mails, and the node's own ear for revocations.

use std::sync::Arc;

use api::{
    app::{Application, Listener},
    revocation::Revocations,
};
use projections::{Projector, ReadModel, SessionRow, UserReader, UserRow};
use store::{
    Position, clock,
    follow::{Desk, Follower, follow},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use workers::{
    InProcess, Mailer, Revoker,
    letter::{Composer, LinkUrls, Sender},
    outbox::FileOutbox,
};

use super::ServeError;
use crate::{
    backends::Backends,
    output::Terminal,
    settings::{Links, Outbox, Settings},
};

/// The name under which the node that serves the API follows the log.
pub(crate) const API: &str = "api";
/// The name under which mails are sent.
const MAILER: &str = "mailer";

pub(super) struct Followers {
    stop: watch::Sender<bool>,
    places: Vec<(&'static str, watch::Receiver<Position>)>,
    running: JoinSet<()>,
}

impl Followers {
    pub(super) async fn start(
        settings: &Settings,
        links: &Links,
        backends: &Backends,
        revocations: &Arc<Revocations>,
        terminal: &Terminal,
    ) -> Result<Self, ServeError> {
        let (journal, desk) = (&backends.journal, &backends.desk);
        let place = Application::load_revocations(revocations, desk, clock::now()).await?;
        desk.place(API, place).await?;
        let mailer = mailer(settings, links, backends, terminal).await?;
        let listener = Listener {
            revocations: Arc::clone(revocations),
            users: UserReader::new(journal.clone(), desk.views().clone()),
        };
        let revoker = Revoker::new(listener);

        let mut followers =
            Self { stop: watch::Sender::new(false), places: Vec::new(), running: JoinSet::new() };
        followers.run(
            UserRow::NAME,
            Projector::<UserRow>::new(journal.clone(), desk.views().clone()),
            backends,
        );
        followers.run(
            SessionRow::NAME,
            Projector::<SessionRow>::new(journal.clone(), desk.views().clone()),
            backends,
        );
        followers.run(MAILER, InProcess::new(MAILER, mailer, desk.clone()), backends);
        followers.run(API, InProcess::new(API, revoker, desk.clone()), backends);
        Ok(followers)
    }

    fn run(&mut self, name: &'static str, follower: impl Follower + 'static, backends: &Backends) {
        let (progress, place) = watch::channel(Position::BEGINNING);
        let (log, desk): (_, Desk) = (Arc::clone(backends.journal.log()), backends.desk.clone());
        self.places.push((name, place));
        self.running.spawn(follow(follower, log, desk, progress, self.stop.subscribe()));
    }

    /// Waits until the node has heard of every revocation up to `head`.
    pub(super) async fn catch_up(&mut self, head: Position) {
        if let Some((_, place)) = self.places.iter_mut().find(|(name, _)| *name == API) {
            // It fails only where the follower ended, for which the server ends too.
            _ = place.wait_for(|place| *place >= head).await;
        }
    }

    /// How far each follower has come.
    pub(super) fn places(&self) -> Vec<(&'static str, watch::Receiver<Position>)> {
        self.places.clone()
    }

    /// How far the read model of sessions has come.
    pub(super) fn place_of_sessions(&self) -> watch::Receiver<Position> {
        let place =
            self.places.iter().find(|(name, _)| *name == SessionRow::NAME).map(|(_, place)| place.clone());
        place.unwrap_or_else(|| watch::channel(Position::BEGINNING).1)
    }

    /// Says when the followers were told to stop.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Comes back when a follower has ended, which none does of itself.
    pub(super) async fn ended(&mut self) {
        self.running.join_next().await;
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

async fn mailer(
    settings: &Settings,
    links: &Links,
    backends: &Backends,
    terminal: &Terminal,
) -> Result<Mailer, ServeError> {
    let Outbox::Files(folder) = &settings.mail.outbox;
    let terminal = terminal.clone();
    // The one line that shows a link outside of its mail: to whoever started the server, on his terminal.
    let outbox = FileOutbox::open(folder, move |line| terminal.say(line)).await?;
    let from = &settings.mail.from;
    let sender = Sender { name: from.name.clone(), address: from.address.clone() };
    let urls = LinkUrls { verify: links.verify_url.clone(), reset: links.reset_url.clone() };
    let composer = Composer::new(sender, urls)?;
    Ok(Mailer::new(backends.journal.clone(), Arc::clone(&backends.macs), composer, Arc::new(outbox)))
}
