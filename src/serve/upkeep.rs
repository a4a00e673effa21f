//! What is done by the clock: newer keys are taken up, old ones replaced, and what has expired is cleared away.

use std::{sync::Arc, time::Duration};

use api::{app::App, token::jwt::Jwt};
use domain::Time;
use projections::rebuild;
use store::{chain, clock};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval},
};
use workers::{Collector, Reach};

use crate::{
    backends::{BackendError, Backends},
    rebuild_lock::{self, RebuildLockError},
    settings::Settings,
    signing_keys::{self, SigningKeyError},
};

/// How often the vault is asked for keys that another process made. Shorter than the notice that a new key gives.
const KEYS: Duration = Duration::from_secs(2);
const SWEEP: Duration = Duration::from_mins(1);
/// In sweeps; the first one is such, for the sake of what died before this process was.
const TIDYING: u32 = 60;
/// In sweeps.
const COLLECTION: u32 = 60;
/// In collections; the first is a full one, because a process that died may have left something behind.
const FULL_COLLECTION: u32 = 24;

pub(super) struct Upkeep {
    pub(super) app: App,
    pub(super) backends: Backends,
    pub(super) settings: Arc<Settings>,
}

impl Upkeep {
    /// Goes on until `stopping` says so.
    pub(super) async fn keep_up(self, issuer: String, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            () = self.keep_keys(&issuer) => {}
            () = self.keep_tidy() => {}
            _ = stopping.changed() => {}
        }
    }

    async fn keep_keys(&self, issuer: &str) {
        let mut known = Vec::new();
        let mut tick = ticks(KEYS);
        loop {
            tick.tick().await;
            if let Err(error) = self.take_up_keys(issuer, &mut known).await {
                tracing::warn!(error = chain(&error), "the keys were not looked at");
            }
        }
    }

    /// Of several processes one does what would be done twice otherwise, which is a waste and no harm.
    async fn keep_tidy(&self) {
        let mut tick = ticks(SWEEP);
        for minute in 1_u32.. {
            tick.tick().await;
            self.sweep().await;
            if !self.is_first().await {
                continue;
            }
            if let Err(error) = self.replace_old_key(clock::now()).await {
                tracing::warn!(error = chain(&error), "the signing key was not replaced, although it is old");
            }
            if minute % TIDYING == 1 {
                self.tidy_views().await;
            }
            if minute.is_multiple_of(COLLECTION) {
                let round = minute / COLLECTION;
                let reach = if round % FULL_COLLECTION == 1 { Reach::All } else { Reach::Recent };
                self.collect(reach).await;
            }
        }
    }

    /// Puts new tokens under newer keys, where the vault's have changed since `known`.
    async fn take_up_keys(
        &self,
        issuer: &str,
        known: &mut Vec<(String, Option<i64>)>,
    ) -> Result<(), BackendError> {
        let (vault, settings) = (self.backends.journal.vault(), &self.settings);
        let keys = signing_keys::in_use(vault, &settings.jwt.rules, clock::now()).await?;
        let now: Vec<_> = keys.iter().map(|key| (key.kid.clone(), key.retired_at)).collect();
        if *known != now {
            let jwt: Jwt = self.backends.jwt(settings, issuer).await?;
            self.app.replace_jwt(jwt);
            *known = now;
        }
        Ok(())
    }

    async fn sweep(&self) {
        self.app.revocations.forget(clock::now());
        if let Err(error) = self.app.attempts.sweep().await {
            tracing::warn!(error = chain(&error), "expired counts of attempts were not cleared away");
        }
    }

    /// Whether this is the first of all processes that serve the API, in an order of no meaning.
    async fn is_first(&self) -> bool {
        let desk = &self.backends.desk;
        match desk.listeners().await {
            Ok(listeners) => listeners.first().is_none_or(|first| first.node == desk.node()),
            Err(error) => {
                tracing::warn!(error = chain(&error), "it is not known who keeps things up; nothing is done");
                false
            }
        }
    }

    async fn replace_old_key(&self, now: Time) -> Result<(), SigningKeyError> {
        let (vault, algorithm) = (self.backends.journal.vault(), self.settings.jwt.algorithm);
        if signing_keys::is_due(&signing_keys::all(vault).await?, algorithm, now) {
            let key = signing_keys::rotate(vault, algorithm).await?;
            tracing::info!(kid = key.kid, "the signing key was replaced, because it was old");
        }
        Ok(())
    }

    /// Removes what rebuilds left beside the read models, unless one is under way.
    async fn tidy_views(&self) {
        let lock = match rebuild_lock::claim(&self.settings, self.backends.desk.views()).await {
            Ok(lock) => lock,
            Err(RebuildLockError::Taken(_)) => return,
            Err(error) => {
                tracing::warn!(error = chain(&error), "what rebuilds left behind was not looked for");
                return;
            }
        };
        if let Err(error) = rebuild::tidy(self.backends.desk.views(), clock::now()).await {
            tracing::warn!(error = chain(&error), "what rebuilds left behind was not removed");
        }
        drop(lock);
    }

    async fn collect(&self, reach: Reach) {
        match Collector::new(self.backends.journal.clone()).collect(reach).await {
            Ok(0) => {}
            Ok(destroyed) => tracing::info!(destroyed, "data keys that nothing uses were destroyed"),
            Err(error) => tracing::warn!(error = chain(&error), "unused data keys were not looked for"),
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}
