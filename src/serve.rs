//! `stele serve`: puts the parts together, takes requests and does the work behind them until it is told to stop.
//! Holds no rule; every part is made elsewhere.

mod banner;
mod descriptors;
mod ear;
mod followers;
mod upkeep;
mod work;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use api::{
    edge::{Edge, Origin, Origins},
    server,
    social::TlsError,
};
use store::{StoreError, random};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use crate::{
    backends::{BackendError, Backends, SoleServer},
    mails::MailsError,
    master_key,
    orders::OrdersError,
    output::Terminal,
    settings::{Links, Role, Roles, RolesError, Settings},
};
use work::Work;

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
    Mails(#[from] MailsError),
    #[error("the read models can't be read")]
    Views(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("the providers of identities can't be called")]
    Providers(#[from] TlsError),
    #[error("a part of the server ended, by a bug")]
    FollowerEnded,
    #[error("signals can't be received")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, and lets requests under way end.
pub(crate) async fn serve(
    settings: Arc<Settings>,
    asked: &[Role],
    terminal: &Terminal,
) -> Result<(), ServeError> {
    let roles = Roles::of_process(asked, settings.store.embedded())?;
    let mut asked_to_stop = pin!(stop_signal().map_err(ServeError::Signals)?);
    let connections = descriptors::room_for(settings.api.server.max_connections);
    let sole = SoleServer::claim_soon(&settings).await?;
    let (listener, bound) = listen(settings.api.listen).await?;
    let links = settings.links(bound);
    let backends = Backends::open(&settings, Some(&sole)).await?;
    if let Some(exposure) = master_key::exposure(&settings) {
        tracing::warn!("{exposure}");
    }
    banner::greet(terminal, &settings, &links, (&roles, &backends));

    let mut work = Work::begin(&roles, (Arc::clone(&settings), &links), backends, terminal).await?;
    let routes = tokio::select! {
        routes = work.routes(&roles) => routes?,
        () = &mut asked_to_stop => return work.end(Instant::now() + settings.api.server.drain).await,
    };
    let mut limits = settings.api.server.clone();
    limits.max_connections = connections;
    let served = edge(&settings, &links).wrap(routes, limits.clone());
    banner::listening(terminal, bound);
    let (mut failed, mut stop_by) = (false, Instant::now());
    server::serve(listener, served, limits, async {
        tokio::select! {
            () = asked_to_stop => {}
            () = work.failed() => failed = true,
        }
        stop_by = Instant::now() + settings.api.server.drain;
    })
    .await;
    work.end(stop_by.max(Instant::now() + LAST_BATCH)).await?;
    drop(sole);
    if failed {
        return Err(ServeError::FollowerEnded);
    }
    banner::farewell(terminal);
    Ok(())
}

/// Takes the address, whose port may be left to the system, and says which it is.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let unheard = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(unheard)?;
    let bound = listener.local_addr().map_err(unheard)?;
    Ok((listener, bound))
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

fn edge(settings: &Settings, links: &Links) -> Edge {
    let cookies = &settings.jwt.cookies;
    Edge {
        origins: Origins { own: Origin::of(&links.public_url), allowed: settings.api.cors_origins.clone() },
        trusted_proxies: settings.api.trusted_proxies.clone(),
        cookies: cookies.access.is_some() || cookies.refresh.is_some(),
        new_id: random::id,
    }
}
