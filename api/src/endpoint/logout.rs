//! `logout/`: ends the session that the request belongs to, by the key, the refresh token or the cookie that it brings.

use axum::http::{Method, StatusCode};
use domain::{SessionId, session::RevocationReason};
use serde_json::json;
use store::clock;

use super::token::{BLACKLISTED, RefreshStanding, standing};
use crate::{
    answer::{Answer, Handled},
    call::{Call, wrong_method},
    caller::{self, challenge},
    config::TokenMode,
    form::{Secret, route::Endpoint, session::Logout},
    grant::refresh_in_cookie,
    token::jwt::Verified,
};

const DONE: &str = "Successfully logged out.";

pub(crate) async fn logout(call: Call) -> Handled {
    if call.method != Method::POST && !call.app.config.logout_on_get {
        return Err(wrong_method(Endpoint::LOGOUT, &call.method));
    }
    if call.app.config.tokens == TokenMode::Key {
        let caller = call.known_caller().ok_or_else(|| {
            let detail = "You should be logged in to logout. Check whether the token is passed.";
            Answer::detail(StatusCode::BAD_REQUEST, detail)
        })?;
        return end(&call, caller.session).await;
    }
    let forget = call.app.config.cookies.clear();
    let outcome = match refresh_token(&call)? {
        Ok(Some(token)) => by_refresh_token(&call, &token).await,
        Ok(None) => match call.known_caller() {
            Some(caller) => end(&call, caller.session).await,
            None => Ok(Answer::detail(StatusCode::OK, DONE)),
        },
        Err(missing) => Err(missing),
    };
    // The browser forgets its cookies whatever became of the session.
    match outcome {
        Ok(answer) => Ok(answer.with_cookies(forget)),
        Err(answer) => Err(answer.with_cookies(forget)),
    }
}

/// The refresh token that the request brings where tokens of this deployment are kept; `None` for a `null`, which the
/// contract takes for no session in particular.
fn refresh_token(call: &Call) -> Result<Result<Option<Secret>, Answer>, Answer> {
    let missing = |place: &str| {
        let detail = format!("Refresh token was not included in {place} data.");
        Ok(Err(challenge(TokenMode::Jwt, json!({ "detail": detail }))))
    };
    if refresh_in_cookie(&call.app.config) {
        return match call.app.config.cookies.read_refresh(call.cookies()) {
            Some(token) => Ok(Ok(Some(Secret::new(token.to_owned())))),
            None => missing("cookie"),
        };
    }
    match Logout::parse(&call.fields()?) {
        Logout::Missing => missing("request"),
        Logout::Null => Ok(Ok(None)),
        Logout::Token(token) => Ok(Ok(Some(token))),
    }
}

/// A replaced token ends its session too: either its owner leaves, or someone else holds a copy.
async fn by_refresh_token(call: &Call, token: &Secret) -> Handled {
    let refused = |detail: &str| Err(challenge(TokenMode::Jwt, json!({ "detail": detail })));
    let verified = call.app.jwt().verify(token.as_str(), clock::now().0);
    let claims = match verified.and_then(Verified::refresh) {
        Ok(claims) => claims,
        Err(error) => return refused(error.detail()),
    };
    let standing = standing(&call.app, &claims).await?;
    if standing == RefreshStanding::Disabled {
        return Err(caller::inactive(TokenMode::Jwt));
    }
    let ended = end(call, claims.session).await?;
    if standing == RefreshStanding::Current { Ok(ended) } else { refused(BLACKLISTED) }
}

async fn end(call: &Call, session: SessionId) -> Handled {
    let position = call.app.accounts.revoke(&call.context(), session, RevocationReason::Logout).await?;
    call.app.refuse_session(session, clock::now());
    let answer = Answer::detail(StatusCode::OK, DONE);
    Ok(match position {
        Some(position) => call.positioned(answer, position),
        None => answer,
    })
}
