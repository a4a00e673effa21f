//! How the parts of this process are doing. A dead log or dead views make it unready; mail and bus never do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError},
    time::Duration,
};

use projections::parked;
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    Journal, Position, StoreError, chain,
    follow::{Desk, Standing},
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};
use workers::bus::BusState;

use crate::revocation::Revocations;

/// For how long it is believed that the log takes writes, or does not.
const MEMORY: Duration = Duration::from_secs(1);
/// How long a write may take before the log is taken for dead.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long events may wait for a follower that does not move. Longer than a batch of mails takes on a slow disk.
const STUCK: Duration = Duration::from_mins(1);

/// One part: whether it works, what to say of it, and by how many positions it lags behind the log.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    pub ok: bool,
    pub detail: String,
    /// None where it is not known.
    pub lag: Option<u64>,
}

/// What health is asked about.
#[derive(Clone)]
pub struct Parts {
    pub journal: Journal,
    /// Whether the positions of the log are the numbers of its events, so that a lag counts events.
    pub counts_events: bool,
    pub desk: Desk,
    /// The followers of the log of which one leads, here or elsewhere.
    pub followers: Vec<Followed>,
    /// How the bus does for what of this process uses it.
    pub bus: Vec<BusUser>,
    /// Where this process judges tokens.
    pub hearing: Option<Hearing>,
    /// Roles for which this process has nothing to do, and why.
    pub without_work: Vec<(&'static str, &'static str)>,
    pub written: Written,
    pub waiting: Waiting,
}

/// A follower, and how far this process's own has come, where it takes part.
#[derive(Clone)]
pub struct Followed {
    pub name: &'static str,
    /// How long it may stay, on purpose, before an event that it has read.
    pub lingers: Duration,
    pub here: Option<watch::Receiver<Position>>,
}

impl Followed {
    /// Whether one who let events wait for so long without moving has let them wait for too long.
    fn is_stuck(&self, stood: Duration) -> bool {
        stood >= STUCK + self.lingers
    }
}

/// One in this process who uses the bus.
#[derive(Clone)]
pub struct BusUser {
    pub name: &'static str,
    /// Whether it does so only while it leads.
    pub leads: bool,
    pub state: BusState,
}

/// What this process knows of ended sessions, and how far it heard the log.
#[derive(Clone)]
pub struct Hearing {
    pub revocations: Arc<Revocations>,
    pub place: watch::Receiver<Position>,
}

/// Whether the log takes writes, asked of it at most once in a while, however often health is asked for.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Option<Asked>>>);

/// When it was asked, and why it took none, if so.
struct Asked {
    at: Instant,
    cause: Option<String>,
}

impl Written {
    async fn check(&self, journal: &Journal) -> Result<(), StoreError> {
        let mut last = self.0.lock().await;
        let cause = match &*last {
            Some(asked) if asked.at.elapsed() < MEMORY => asked.cause.clone(),
            _ => {
                let cause = match timeout(PATIENCE, journal.append_nothing()).await {
                    Ok(outcome) => outcome.err().map(|error| chain(&error)),
                    Err(_) => Some(format!("nothing could be written for {} s", PATIENCE.as_secs())),
                };
                *last = Some(Asked { at: Instant::now(), cause: cause.clone() });
                cause
            }
        };
        cause.map_or(Ok(()), |cause| Err(StoreError::Unavailable(cause.into())))
    }
}

/// Where followers stand for whom events wait, and since when, as far as health was asked for.
#[derive(Clone, Default)]
pub struct Waiting(Arc<std::sync::Mutex<HashMap<&'static str, (Position, Instant)>>>);

impl Waiting {
    /// For how long a follower has let events wait without moving. `lag` is none where it is not known.
    fn stood(&self, name: &'static str, place: Position, lag: Option<u64>, now: Instant) -> Duration {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lag.unwrap_or(0) == 0 {
            waiting.remove(name);
            return Duration::ZERO;
        }
        let (stood, since) = waiting.entry(name).or_insert((place, now));
        if *stood != place {
            (*stood, *since) = (place, now);
        }
        now.duration_since(*since)
    }
}

impl Parts {
    /// Whether requests can be served, and the report.
    pub async fn report(&self) -> (bool, Value) {
        let head = match self.written.check(&self.journal).await {
            Ok(()) => self.journal.log().head().await,
            Err(error) => Err(error),
        };
        let views = self.look_at_views().await;
        let vault = part(self.journal.vault().check().await.map_err(|error| chain(&error)));
        let silence = self.hearing.as_ref().and_then(|hearing| hearing.revocations.silence());
        let ready = head.is_ok() && views.ok && vault.ok && silence.is_none();
        let mut parts = BTreeMap::from([("log", log_part(&head)), ("views", views), ("vault", vault)]);
        // After the head: nobody is behind one that was read earlier.
        let standings = self.desk.standings().await;
        let head = head.ok();
        for followed in &self.followers {
            let follower = match &standings {
                Ok(standings) => {
                    let standing = standings.iter().find(|standing| standing.role == followed.name);
                    self.follower(followed, standing, head)
                }
                Err(error) => match &followed.here {
                    Some(here) => self.moving(followed, *here.borrow(), head),
                    None => Part { lag: None, ..part(Err(chain(error))) },
                },
            };
            parts.insert(followed.name, follower);
        }
        if let Some(Hearing { place, .. }) = &self.hearing {
            let api = Followed { name: "api", lingers: Duration::ZERO, here: Some(place.clone()) };
            parts.insert("api", self.moving(&api, *place.borrow(), head));
            parts.insert("revocations", part(silence.map_or(Ok(()), |silent| Err(silent.to_string()))));
        }
        if let Some(bus) = self.bus(standings.as_deref().unwrap_or_default()) {
            parts.insert("bus", Part { lag: None, ..part(bus) });
        }
        for (role, why) in &self.without_work {
            parts.insert(role, Part { detail: format!("nothing to do: {why}"), ..part(Ok(())) });
        }
        (ready, json!({ "status": if ready { "ok" } else { "unavailable" }, "parts": parts }))
    }

    /// One that leads tells where it is at once; of others it is known from the desk, as far as that can be read.
    fn follower(&self, followed: &Followed, standing: Option<&Standing>, head: Option<Position>) -> Part {
        let here = followed.here.as_ref();
        let written = standing.map(|standing| standing.position);
        let place = written.into_iter().chain(here.map(|here| *here.borrow())).max();
        let Some(place) = place else {
            return Part { ok: true, detail: "nobody ever led it".to_owned(), lag: head.map(|head| head.0) };
        };
        let part = self.moving(followed, place, head);
        let led = standing.filter(|standing| standing.led);
        let leader = led.map_or("nobody leads it".to_owned(), |standing| format!("led by {}", standing.node));
        Part { detail: format!("{}, {leader}", part.detail), ..part }
    }

    /// How the bus does, for whichever of its users has tried and fares worst. What is led elsewhere knows nothing new.
    fn bus(&self, standings: &[Standing]) -> Option<Result<(), String>> {
        let leads = |user: &&BusUser| {
            let standing = standings.iter().find(|standing| standing.role == user.name && standing.led);
            !user.leads || standing.is_none_or(|standing| standing.node == self.desk.node())
        };
        let known = self.bus.iter().filter(leads).filter_map(|user| user.state.known());
        known.reduce(Result::and)
    }

    /// One that goes through the log.
    fn moving(&self, followed: &Followed, place: Position, head: Option<Position>) -> Part {
        // A follower ends only when the process does, or by a bug.
        let runs = followed.here.as_ref().is_none_or(|here| here.has_changed().is_ok());
        let lag = head.map(|head| head.0.saturating_sub(place.0));
        let stuck = followed.is_stuck(self.waiting.stood(followed.name, place, lag, Instant::now()));
        let state = match (runs, stuck) {
            (false, _) => ", ended",
            (true, true) => ", stuck",
            (true, false) => "",
        };
        let unit = match lag {
            Some(1..) if !self.counts_events => ", its lag counts places of the log, not events",
            _ => "",
        };
        Part { ok: runs && !stuck, detail: format!("at {}{state}{unit}", place.0), lag }
    }

    async fn look_at_views(&self) -> Part {
        match parked::count(self.desk.views()).await {
            Ok(0) => part(Ok(())),
            Ok(parked) => Part { detail: format!("{parked} parked"), ..part(Ok(())) },
            Err(error) => part(Err(chain(&error))),
        }
    }
}

fn log_part(head: &Result<Position, StoreError>) -> Part {
    part(head.as_ref().map(drop).map_err(|error| chain(error)))
}

/// The cause goes to the log of the process: health is asked by anyone.
fn part(outcome: Result<(), String>) -> Part {
    let ok = outcome.is_ok();
    let detail = match outcome {
        Ok(()) => "ok",
        Err(cause) => {
            tracing::warn!(cause, "a part does not work");
            "does not work, see the log"
        }
    };
    Part { ok, detail: detail.to_owned(), lag: Some(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_stands_for_as_long_as_events_wait_for_it_at_one_place() {
        let (waiting, start) = (Waiting::default(), Instant::now());
        let stood = |place, lag, after| waiting.stood("mailer", Position(place), lag, start + after);
        assert_eq!(stood(5, Some(2), Duration::ZERO), Duration::ZERO);
        assert_eq!(stood(5, Some(3), STUCK), STUCK);
        assert_eq!(stood(6, Some(2), STUCK), Duration::ZERO, "it has moved");
        assert_eq!(stood(6, Some(2), STUCK * 2), STUCK);
    }

    #[test]
    fn a_follower_is_stuck_when_it_stands_for_longer_than_it_means_to() {
        let follower = |lingers| Followed { name: "sweeper", lingers, here: None };
        let at_once = follower(Duration::ZERO);
        assert!(!at_once.is_stuck(STUCK / 2) && at_once.is_stuck(STUCK));
        let later = follower(STUCK);
        assert!(!later.is_stuck(STUCK * 3 / 2) && later.is_stuck(STUCK * 2));
    }

    #[test]
    fn a_follower_for_which_nothing_waits_may_stand_for_as_long_as_it_likes() {
        let (waiting, start) = (Waiting::default(), Instant::now());
        let stood = |lag, after| waiting.stood("mailer", Position(5), lag, start + after);
        assert_eq!(stood(Some(1), Duration::ZERO), Duration::ZERO);
        assert_eq!(stood(Some(0), STUCK / 2), Duration::ZERO);
        assert_eq!(stood(Some(1), STUCK), Duration::ZERO, "it waits only now");
        assert_eq!(stood(None, STUCK * 3), Duration::ZERO, "nobody knows whether anything waits");
    }
}
