//! The ear of a process that judges tokens: it hears of revocations from the log, from where the read models stand, for as long as
//! the process lives, and on NATS besides, where they may come sooner. Others see how far it has heard; whether they do or not, it
//! goes on.

use std::{sync::Arc, time::Duration};

use api::{
    app::{Application, BusUser, Hearing, Listener},
    config::Config,
    revocation::Revocations,
};
use projections::UserReader;
use store::{Position, chain, clock, follow::Desk};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use workers::{Revoker, revoker::Hearsay};

use super::{ServeError, followers::Followers};
use crate::{backends::Backends, settings::Bus};

/// The name under which the ear is known to those who ask how it is.
const API: &str = "api";
/// For how long beyond the life of the tokens that they end revocations are remembered.
const SLACK: Duration = Duration::from_mins(2);
/// How often others are told that this process still listens, and how soon again how far it came.
const TOLD: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Begins to listen.
pub(super) async fn open(
    backends: &Backends,
    (config, bus): (&Config, &Bus),
    followers: &mut Followers,
) -> Result<Hearing, ServeError> {
    let (journal, desk) = (&backends.journal, &backends.desk);
    // Revocations matter for as long as a token lives that was made before them.
    let memory = config.jwt.access_ttl + SLACK;
    let revocations = Arc::new(Revocations::new(config.max_silence, memory));
    desk.hear_no_more().await?;
    let start = Application::load_revocations(&revocations, desk, clock::now()).await?;
    let listener = || Listener {
        revocations: Arc::clone(&revocations),
        users: UserReader::new(journal.clone(), desk.views().clone()),
    };
    let revoker = Revoker::new(listener());
    let (progress, place) = watch::channel(start);
    let log = Arc::clone(journal.log());
    // Before the first token is judged: whoever looks from now on has to wait for this process.
    let trust = config.max_silence + TOLD;
    desk.heard(start, trust).await?;
    let hear = revoker.follow(log, progress, followers.stopping());
    let tell = tell(desk.clone(), place.clone(), trust, followers.stopping());
    let hearsay = bus.nats().map(|access| Hearsay::new(API, access.clone(), journal.clone(), listener()));
    if let Some(hearsay) = &hearsay {
        followers.uses_bus(BusUser { name: API, leads: false, state: hearsay.state() });
    }
    let stopping = followers.stopping();
    let hear_more = async {
        if let Some(hearsay) = hearsay {
            hearsay.hear(stopping).await;
        }
    };
    followers.run(API, place.clone(), async { _ = tokio::join!(hear, tell, hear_more) });
    Ok(Hearing { revocations, place })
}

/// Waits until everything up to `head` was heard.
pub(super) async fn caught_up(hearing: &Hearing, head: Position) {
    // It fails only where the ear ended, for which the process ends too.
    _ = hearing.place.clone().wait_for(|place| *place >= head).await;
}

/// Writes on the desk how far this process has heard, until `stop` says so.
async fn tell(
    desk: Desk,
    mut place: watch::Receiver<Position>,
    trust: Duration,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow_and_update() {
        let news = async {
            sleep(PAUSE).await;
            timeout(TOLD, place.changed()).await.ok();
        };
        tokio::select! { () = news => {}, _ = stop.changed() => return }
        let heard = *place.borrow_and_update();
        if let Err(error) = desk.heard(heard, trust).await {
            tracing::warn!(error = chain(&error), "others can't see how far this process has heard");
        }
    }
}
