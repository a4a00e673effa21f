//! `/sessions/`: where the caller is logged in; ends one of his sessions, or all others.

use axum::{
    extract::{Path, Request},
    http::{Method, StatusCode},
    response::Response,
};
use domain::{SessionId, session::RevocationReason};
use futures_util::{StreamExt, TryStreamExt, stream};
use projections::{SessionRow, sessions};
use serde_json::{Value, json};
use store::{Position, clock};

use crate::{
    answer::{Answer, Handled},
    app::App,
    call::{self, Call},
    caller::{Caller, inactive},
    form::route::Endpoint,
};

/// How many sessions are ended at once.
const AT_ONCE: usize = 16;

pub(crate) async fn sessions(call: Call) -> Handled {
    let caller = *call.caller()?;
    if call.method == Method::DELETE {
        let ended = end_others(&call, &caller, |_| true).await?;
        return Ok(
            call.positioned(Answer::new(StatusCode::NO_CONTENT, Value::Null), ended.unwrap_or_default())
        );
    }
    let live = live(&call, &caller).await?;
    Ok(Answer::ok(live.iter().map(|session| shown(session, &caller)).collect()))
}

/// Ends the session that the path names, if it is the caller's.
pub(crate) async fn session(app: App, id: Path<String>, request: Request) -> Response {
    let handler = |call: Call| async move {
        let caller = *call.caller()?;
        let id: SessionId = id.parse().map_err(|_| Answer::not_found())?;
        let (accounts, user) = (&call.app.accounts, caller.user);
        let (session, account) = (accounts.session(id).await?, accounts.account(user).await?);
        let own = session.live().filter(|live| live.user == user).zip(account);
        // One that a new password ended is over, though its own stream may not tell yet.
        if !own.is_some_and(|(live, account)| account.admits(id, live.epoch)) {
            return Err(Answer::not_found());
        }
        let position = end(&call, id).await?.unwrap_or_default();
        Ok(call.positioned(Answer::new(StatusCode::NO_CONTENT, Value::Null), position))
    };
    call::answer(app, Endpoint::SESSION, request, handler).await
}

async fn live(call: &Call, caller: &Caller) -> Result<Vec<SessionRow>, Answer> {
    call.app.wait_for_sessions().await?;
    let user = call.app.user(caller.user).await?;
    let user = user.filter(|user| user.active).ok_or_else(|| inactive(call.app.config.tokens))?;
    Ok(sessions::live(&call.app.views, &user, clock::now()).await?)
}

/// Ends the caller's sessions that are meant, but for the one that asks.
pub(super) async fn end_others(
    call: &Call,
    caller: &Caller,
    is_meant: impl Fn(&SessionRow) -> bool,
) -> Result<Option<Position>, Answer> {
    let live = live(call, caller).await?;
    let others = live.iter().filter(|session| session.id != caller.session && is_meant(session));
    let others: Vec<SessionId> = others.map(|session| session.id).collect();
    let ended: Vec<Option<Position>> =
        stream::iter(others).map(|id| end(call, id)).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(ended.into_iter().flatten().max())
}

async fn end(call: &Call, id: SessionId) -> Result<Option<Position>, Answer> {
    let position = call.app.accounts.revoke(&call.context(), id, RevocationReason::Ended).await?;
    call.app.refuse_session(id, clock::now());
    Ok(position)
}

fn shown(session: &SessionRow, caller: &Caller) -> Value {
    json!({
        "id": session.id.to_string(),
        "current": session.id == caller.session,
        "first_seen": clock::rfc3339(session.started_at),
        "last_refreshed": clock::rfc3339(session.refreshed_at),
        "expires": clock::rfc3339(session.until),
        "address": session.address,
        "agent": session.agent,
    })
}
