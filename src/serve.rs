//! `stele serve`: puts the parts together, takes requests and does the work behind them until it is told to stop.
//! Holds no rule; every part is made elsewhere.

mod banner;
mod descriptors;
mod followers;
mod upkeep;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use api::{
    app::{App, Application, Parts, Ready, Waiting, Written},
    config::Config,
    edge::{Edge, Origin, Origins},
    revocation::Revocations,
    router, server,
};
use store::{StoreError, follow::Desk, random};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use workers::{letter::ComposerError, outbox::FolderError};

use crate::{
    backends::{BackendError, Backends, SoleServer},
    master_key,
    orders::{self, OrdersError},
    output::Terminal,
    settings::{Links, Role, RolesError, Settings, roles_of_process},
};
pub(crate) use followers::API;
use followers::Followers;
use upkeep::Upkeep;

/// For how long beyond the life of the tokens that they end revocations are remembered.
const SLACK: Duration = Duration::from_mins(2);

/// What followers get for their last batch, though requests may have taken all of the drain time.
const LAST_BATCH: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Roles(#[from] RolesError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("requests can't be taken on {address}; stop what takes them there, or set api.listen")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Orders(#[from] OrdersError),
    #[error(transparent)]
    Mail(#[from] FolderError),
    #[error(transparent)]
    Letters(#[from] ComposerError),
    #[error("the read models can't be read")]
    Views(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("a part of the server ended, by a bug")]
    FollowerEnded,
    #[error("signals can't be received")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, and lets requests under way end.
pub(crate) async fn serve(
    settings: Arc<Settings>,
    roles: &[Role],
    terminal: &Terminal,
) -> Result<(), ServeError> {
    roles_of_process(roles)?;
    let mut asked_to_stop = pin!(stop_signal().map_err(ServeError::Signals)?);
    let connections = descriptors::room_for(settings.api.server.max_connections);
    let sole = SoleServer::claim_soon(&settings).await?;
    let address = settings.api.listen;
    let unheard = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(unheard)?;
    let bound = listener.local_addr().map_err(unheard)?;
    let links = settings.links(bound);
    let backends = Backends::open(&settings, Some(&sole)).await?;
    if let Some(exposure) = master_key::exposure(&settings) {
        tracing::warn!("{exposure}");
    }
    banner::greet(terminal, &settings, &links, backends.new_master_key);

    let config = Arc::new(orders::config(&settings));
    let revocations = Arc::new(Revocations::new(config.max_silence, memory(&config)));
    let mut followers = Followers::start(&settings, &links, &backends, &revocations, terminal).await?;
    let head = backends.journal.log().head().await?;
    tokio::select! {
        () = followers.catch_up(head) => {}
        () = &mut asked_to_stop => {
            followers.stop(Instant::now() + settings.api.server.drain).await;
            return Ok(());
        }
    }
    let app = application(&settings, &backends, (config, &links.issuer), (revocations, &followers)).await?;
    let upkeep =
        Upkeep { app: Arc::clone(&app), backends: backends.clone(), settings: Arc::clone(&settings) };
    let upkeep = tokio::spawn(upkeep.keep_up(links.issuer.clone(), followers.stopping()));

    let mut limits = settings.api.server.clone();
    limits.max_connections = connections;
    let served = edge(&settings, &links).wrap(router::routes(app), limits.clone());
    banner::listening(terminal, bound);
    let (mut failed, mut stop_by) = (false, Instant::now());
    server::serve(listener, served, limits, async {
        tokio::select! {
            () = asked_to_stop => {}
            () = followers.ended() => failed = true,
        }
        stop_by = Instant::now() + settings.api.server.drain;
    })
    .await;
    wind_up(followers, upkeep, &backends.desk, stop_by.max(Instant::now() + LAST_BATCH)).await?;
    drop(sole);
    if failed {
        return Err(ServeError::FollowerEnded);
    }
    banner::farewell(terminal);
    Ok(())
}

/// Ends what goes on behind the requests, and gives up the leases. What is not done by `until` is left where it stands, as a
/// kill would leave it: the next start goes on from there.
async fn wind_up(
    followers: Followers,
    upkeep: JoinHandle<()>,
    desk: &Desk,
    until: Instant,
) -> Result<(), ServeError> {
    followers.stop(until).await;
    let rest = timeout_at(until, async {
        if let Err(error) = upkeep.await {
            tracing::error!(%error, "the upkeep ended badly");
        }
        desk.leave().await
    });
    if let Ok(left) = rest.await {
        left?;
    } else {
        tracing::warn!("the leases could not be given up in time; the next start takes them over");
    }
    Ok(())
}

/// Resolves when the process is asked to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, io::Error> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests under way may end");
    })
}

async fn application(
    settings: &Settings,
    backends: &Backends,
    (config, issuer): (Arc<Config>, &str),
    (revocations, followers): (Arc<Revocations>, &Followers),
) -> Result<App, ServeError> {
    let jwt = backends.jwt(settings, issuer).await?;
    let health = Parts {
        journal: backends.journal.clone(),
        views: backends.desk.views().clone(),
        followers: followers.places(),
        revocations: Arc::clone(&revocations),
        written: Written::default(),
        waiting: Waiting::default(),
    };
    let accounts = orders::accounts(settings, backends, config)?;
    let sessions_at = followers.place_of_sessions();
    Ok(Application::new(Ready {
        accounts,
        desk: backends.desk.clone(),
        revocations,
        jwt,
        health,
        sessions_at,
    }))
}

/// Revocations matter for as long as a token lives that was made before them.
fn memory(config: &Config) -> Duration {
    config.jwt.access_ttl + SLACK
}

fn edge(settings: &Settings, links: &Links) -> Edge {
    let cookies = &settings.jwt.cookies;
    Edge {
        origins: Origins { own: Origin::of(&links.public_url), allowed: settings.api.cors_origins.clone() },
        trusted_proxies: settings.api.trusted_proxies.clone(),
        cookies: cookies.access.is_some() || cookies.refresh.is_some(),
        new_id: random::id,
    }
}
