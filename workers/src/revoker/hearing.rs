//! Hears on NATS of sessions that were ended before their time, on behalf of one who refuses tokens. The log says whether they were:
//! nobody is logged out by a message alone. What is missed here, the log tells too.

use std::time::Duration;

use async_nats::Message;
use domain::{Session, SessionId, session::Live};
use futures_util::StreamExt;
use store::{Journal, StoreError, StreamId, chain, clock};
use tokio::{sync::watch, time::sleep};

use super::{Revocation, Revoked};
use crate::{
    bus::{BusState, HEARD},
    nats::{Access, ConnectError},
};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum HearingError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{HEARD} can't be listened to")]
    Subscribe(#[from] async_nats::SubscribeError),
    #[error("{HEARD} can't be listened to")]
    Flush(#[from] async_nats::client::FlushError),
    #[error("the connection to NATS was lost")]
    Lost,
}

/// Hears for `role`.
pub struct Hearsay<R> {
    role: &'static str,
    access: Access,
    journal: Journal,
    listener: R,
    state: BusState,
}

impl<R: Revoked> Hearsay<R> {
    pub fn new(role: &'static str, access: Access, journal: Journal, listener: R) -> Self {
        Self { role, access, journal, listener, state: BusState::new() }
    }

    /// How the bus does.
    pub fn state(&self) -> BusState {
        self.state.clone()
    }

    /// Goes on until `stop` says so.
    pub async fn hear(self, mut stop: watch::Receiver<bool>) {
        let mut retry = FIRST_RETRY;
        while !*stop.borrow_and_update() {
            let Err(error) = tokio::select! {
                heard = self.listen(&mut retry) => heard,
                _ = stop.changed() => return,
            };
            self.state.tell(Err(&error));
            tracing::warn!(error = chain(&error), "revocations are heard of from the log alone for a while");
            tokio::select! { () = sleep(retry) => {}, _ = stop.changed() => return }
            retry = (retry * 2).min(SLOWEST_RETRY);
        }
    }

    async fn listen(&self, retry: &mut Duration) -> Result<std::convert::Infallible, HearingError> {
        let connection = self.access.connect(self.role).await?;
        let mut heard = connection.client.subscribe(HEARD).await?;
        connection.client.flush().await?;
        self.state.tell::<HearingError>(Ok(&()));
        *retry = FIRST_RETRY;
        loop {
            let message = tokio::select! {
                message = heard.next() => message.ok_or(HearingError::Lost)?,
                () = connection.lost() => return Err(HearingError::Lost),
            };
            self.tell(&message).await;
        }
    }

    /// An entry that somebody took out of the bucket is told of as well, and says nothing.
    async fn tell(&self, message: &Message) {
        let session = message.subject.rsplit('.').next().and_then(|session| session.parse().ok());
        let Some(session) = session.filter(|_| !message.payload.is_empty()) else { return };
        match self.refuse(session).await {
            Ok(()) => tracing::debug!(%session, "what NATS tells of was looked up in the log"),
            Err(error) => tracing::warn!(%session, error = chain(&error), "the log tells of it again"),
        }
    }

    /// Has its tokens refused, if the log says so: of the session, or of its user.
    async fn refuse(&self, session: SessionId) -> Result<(), StoreError> {
        let at = clock::now();
        match self.journal.load_closed::<Session>(&StreamId::session(session)).await?.state {
            Session::Revoked(..) => self.listener.revoked(Revocation::Session { session, at }).await,
            Session::Live(Live { user, .. }) => self.listener.revoked(Revocation::Epoch { user, at }).await,
            Session::Unborn => Ok(()),
        }
    }
}
