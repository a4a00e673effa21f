//! Sessions: begun at login, carried on by refresh, ended by logout. Refresh is decided on the streams of session and
//! user, never on a read model.

use domain::{
    Aggregate, KeyId, Private, Session, SessionId, Time, User, UserId,
    session::{self, Client, Command, Event, Issue, Live, RevocationReason, Start},
};
use store::{Change, Context, ExecuteError, Position, StoreError, StreamId, clock, random};

use super::{Accounts, Failure, contradiction, insist};

/// A session that has just begun.
pub struct Opened {
    pub id: SessionId,
    pub live: Live,
    pub position: Position,
}

/// A session that goes on; `live` says what its newest tokens are made from.
pub struct Refreshed {
    pub live: Live,
    pub position: Position,
}

/// What a refresh token says of whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    pub user: UserId,
    pub session: SessionId,
    pub counter: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("no such session or user")]
    Unknown,
    #[error("the user is disabled")]
    Disabled,
    /// Revoked, over, or of an older epoch.
    #[error("the session has ended")]
    Ended,
    #[error("a replaced refresh token came back; the session is revoked")]
    Reused,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Begins a session of a user who proved himself in `epoch`, by a linked account if `social` names one.
    pub async fn start_session(
        &self,
        context: &Context,
        (user, epoch): (UserId, u32),
        (client, social): (&Client, Option<u32>),
    ) -> Result<Opened, Failure> {
        let (id, live, change) = self.new_session((user, epoch), (client, social), clock::now())?;
        let position = self.journal.append(context, vec![change]).await?;
        Ok(Opened { id, live, position })
    }

    pub(super) fn new_session(
        &self,
        (user, epoch): (UserId, u32),
        (client, social): (&Client, Option<u32>),
        at: Time,
    ) -> Result<(SessionId, Live, Change), StoreError> {
        let id = SessionId(random::number());
        let client = Private::new(KeyId::of_session(id), client.clone());
        let start = Start { user, epoch, at, until: at + self.config.jwt.session_max, client, social };
        let stream = StreamId::session(id);
        let events = Session::Unborn.decide(Command::Start(start));
        let events = events.map_err(|error| contradiction(&stream, error))?;
        let state = domain::fold::<Session>(&events);
        let live = state.live().cloned().ok_or_else(|| contradiction(&stream, session::Error::NotStarted))?;
        Ok((id, live, Change::of::<Session>(stream, 0, &events)?))
    }

    /// Takes a token. With `kid` the session moves on to its next token, signed by that key; without, tokens don't rotate.
    pub async fn refresh(
        &self,
        context: &Context,
        token: Presented,
        kid: Option<String>,
    ) -> Result<Refreshed, RefreshError> {
        insist(|| self.try_refresh(context, token, kid.clone())).await
    }

    async fn try_refresh(
        &self,
        context: &Context,
        Presented { user: pk, session: id, counter }: Presented,
        kid: Option<String>,
    ) -> Result<Refreshed, RefreshError> {
        let stream = StreamId::session(id);
        // At the same moment, so that the log is asked once.
        let (loaded, user) = tokio::try_join!(self.sessions.load(&self.journal, &stream), self.standing(pk))?;
        let live = match &loaded.state {
            Session::Live(live) | Session::Revoked(live, _) if live.user == pk => live,
            Session::Live(_) | Session::Revoked(..) | Session::Unborn => return Err(RefreshError::Unknown),
        };
        check_user(&user.state, id, live)?;
        let at = clock::now();
        let next =
            kid.map(|kid| Issue { iat: at, exp: live.until.min(at + self.config.jwt.refresh_ttl), kid });
        let refresh = session::Refresh { counter, next, grace: self.config.jwt.refresh_grace, at };
        let events = loaded.state.decide(Command::Refresh(refresh)).map_err(|error| match error {
            session::Error::NeverIssued | session::Error::NotStarted | session::Error::AlreadyStarted => {
                RefreshError::Unknown
            }
            session::Error::Revoked | session::Error::Over => RefreshError::Ended,
        })?;
        let reused = events.iter().any(|event| matches!(event, Event::SessionRevoked { .. }));
        let position = if events.is_empty() {
            loaded.position
        } else {
            let change = Change::of::<Session>(stream, loaded.version, &events)?;
            self.journal.append(context, vec![change]).await?
        };
        let state = events.iter().fold(loaded.state, Session::evolve);
        match state {
            Session::Live(live) => Ok(Refreshed { live, position }),
            Session::Unborn | Session::Revoked(..) if reused => Err(RefreshError::Reused),
            Session::Unborn | Session::Revoked(..) => Err(RefreshError::Ended),
        }
    }

    /// Ends a session; one that has ended stays as it is. Answers its state, and where it was written.
    pub async fn revoke(
        &self,
        context: &Context,
        id: SessionId,
        reason: RevocationReason,
    ) -> Result<Option<Position>, Failure> {
        let command = Command::Revoke { reason, at: clock::now() };
        match self.journal.execute::<Session>(context, &StreamId::session(id), command).await {
            Ok(executed) => Ok(Some(executed.position)),
            Err(ExecuteError::Refused(_)) => Ok(None),
            Err(ExecuteError::Store(error)) => Err(error.into()),
        }
    }

    /// Folds a session.
    pub async fn session(&self, id: SessionId) -> Result<Session, StoreError> {
        Ok(self.sessions.load(&self.journal, &StreamId::session(id)).await?.state)
    }
}

/// Whether a user may go on with his session.
fn check_user(user: &User, id: SessionId, live: &Live) -> Result<(), RefreshError> {
    let account = user.account().ok_or(RefreshError::Unknown)?;
    if !account.active {
        return Err(RefreshError::Disabled);
    }
    if account.admits(id, live.epoch) { Ok(()) } else { Err(RefreshError::Ended) }
}
