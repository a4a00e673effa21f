//! What a process does besides taking requests, by its roles: begun in the order in which one needs the other, and ended in time.

use std::sync::Arc;

use api::{
    app::{App, Application, Hearing, Parts, Ready, Waiting, Written},
    config::Config,
    router::{self, Routes},
    social::{Providers, flow::FlowRules},
};
use projections::{ReadModel, SessionRow};
use store::follow::Reached;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{ServeError, ear, followers::Followers, upkeep::Upkeep};
use crate::{
    backends::Backends,
    orders,
    output::Terminal,
    settings::{Links, Role, Roles, Settings},
};

pub(super) struct Work {
    settings: Arc<Settings>,
    issuer: String,
    flow: Option<FlowRules>,
    config: Arc<Config>,
    backends: Backends,
    followers: Followers,
    /// Where tokens are judged.
    hearing: Option<Hearing>,
    upkeep: Option<JoinHandle<()>>,
}

impl Work {
    /// Begins to follow the log.
    pub(super) async fn begin(
        roles: &Roles,
        (settings, links): (Arc<Settings>, &Links),
        backends: Backends,
        terminal: &Terminal,
    ) -> Result<Self, ServeError> {
        let config = Arc::new(orders::config(&settings));
        let mut followers = Followers::start(roles, (&settings, links), &backends, terminal).await?;
        let mut hearing = None;
        if roles.take(Role::Api) {
            hearing = Some(ear::open(&backends, (&config, &settings.bus), &mut followers).await?);
        }
        let return_url = settings.social.return_url.clone();
        let flow =
            return_url.map(|return_url| FlowRules { public_url: links.public_url.clone(), return_url });
        Ok(Self {
            settings,
            issuer: links.issuer.clone(),
            flow,
            config,
            backends,
            followers,
            hearing,
            upkeep: None,
        })
    }

    /// What is served, once nothing is missed that was revoked up to now.
    pub(super) async fn routes(&mut self, roles: &Roles) -> Result<Routes, ServeError> {
        let parts = Parts {
            journal: self.backends.journal.clone(),
            counts_events: self.settings.store.log.sql().is_some(),
            desk: self.backends.desk.clone(),
            followers: self.followers.led(&self.settings.bus),
            bus: self.followers.bus(),
            hearing: self.hearing.clone(),
            without_work: roles.without_work(&self.settings.bus),
            written: Written::default(),
            waiting: Waiting::default(),
        };
        let Some(hearing) = self.hearing.clone() else { return Ok(router::health_routes(parts)) };
        ear::caught_up(&hearing, self.backends.journal.log().head().await?).await;
        let app = self.application(hearing).await?;
        let (backends, settings) = (self.backends.clone(), Arc::clone(&self.settings));
        let upkeep = Upkeep { app: Arc::clone(&app), backends, settings };
        let stopping = self.followers.stopping();
        self.upkeep = Some(tokio::spawn(upkeep.keep_up(self.issuer.clone(), stopping)));
        Ok(router::routes(app, parts))
    }

    async fn application(&self, hearing: Hearing) -> Result<App, ServeError> {
        let jwt = self.backends.jwt(&self.settings, &self.issuer).await?;
        let accounts = orders::accounts(&self.settings, &self.backends, Arc::clone(&self.config))?;
        let desk = self.backends.desk.clone();
        let sessions = Reached::of(SessionRow::NAME, self.followers.sessions(), desk.clone());
        let providers = Providers::new(self.settings.social.providers.clone())?;
        let revocations = hearing.revocations;
        Ok(Application::new(Ready {
            accounts,
            desk,
            revocations,
            jwt,
            providers,
            flow: self.flow.clone(),
            sessions,
        }))
    }

    /// Comes back when something of it has ended, which nothing does of itself.
    pub(super) async fn failed(&mut self) {
        self.followers.ended().await;
    }

    /// Ends all of it and gives up the leases. What is not done by `until` is left where it stands, as a kill would leave it: the
    /// next start goes on from there.
    pub(super) async fn end(self, until: Instant) -> Result<(), ServeError> {
        self.followers.stop(until).await;
        let desk = &self.backends.desk;
        let rest = timeout_at(until, async {
            if let Some(upkeep) = self.upkeep
                && let Err(error) = upkeep.await
            {
                tracing::error!(%error, "the upkeep ended badly");
            }
            desk.hear_no_more().await?;
            desk.leave().await
        });
        if let Ok(left) = rest.await {
            left?;
        } else {
            tracing::warn!("the leases could not be given up in time; the next start takes them over");
        }
        Ok(())
    }
}
