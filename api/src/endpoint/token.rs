//! `token/verify/` and `token/refresh/`, for deployments with JWTs. An access token is verified without I/O; a refresh
//! token is decided on the streams of its session and user.

use domain::{
    Aggregate, Session, SessionId,
    session::{Command, Refresh},
};
use serde_json::{Map, json};
use store::clock;

use crate::{
    answer::{Answer, Handled},
    app::App,
    call::Call,
    caller::{self, refused},
    command::{Presented, RefreshError},
    config::TokenMode,
    form::{
        FieldErrors, Secret,
        errors::NON_FIELD,
        session::{TokenRefresh, TokenVerify},
    },
    grant::{expiration, refresh_in_cookie},
    revocation::Standing,
    token::{
        TokenError,
        jwt::{RefreshClaims, Verified},
    },
};

const NOT_VALID: &str = "token_not_valid";
pub(super) const BLACKLISTED: &str = "Token is blacklisted";

pub(crate) async fn verify(call: Call) -> Handled {
    let TokenVerify { token } = TokenVerify::parse(&call.fields()?)?;
    let (app, jwt, now) = (&call.app, call.app.jwt(), clock::now().0);
    match app.verified.verify(&jwt, token.as_str(), now) {
        Ok(claims) => match app.revocations.standing(claims.user, claims.session, claims.epoch)? {
            Standing::Good => Ok(Answer::ok(json!({}))),
            Standing::Disabled => Err(caller::inactive(TokenMode::Jwt)),
            Standing::Revoked => Err(refused(BLACKLISTED, NOT_VALID)),
        },
        Err(TokenError::WrongType) => {
            let claims = jwt.verify(token.as_str(), now).and_then(Verified::refresh);
            match standing(app, &claims.map_err(bad_token)?).await? {
                RefreshStanding::Current => Ok(Answer::ok(json!({}))),
                RefreshStanding::Disabled => Err(caller::inactive(TokenMode::Jwt)),
                RefreshStanding::Spent => Err(FieldErrors::one(NON_FIELD, BLACKLISTED).into()),
            }
        }
        Err(error) => Err(bad_token(error)),
    }
}

pub(crate) async fn refresh(call: Call) -> Handled {
    let TokenRefresh { refresh } = TokenRefresh::parse(&call.fields()?)?;
    let in_cookie = || call.app.config.cookies.read_refresh(call.cookies());
    let given = refresh.or_else(|| in_cookie().map(|token| Secret::new(token.to_owned())));
    let token = given.ok_or_else(|| refused("No valid refresh token found.", NOT_VALID))?;
    let (jwt, now) = (call.app.jwt(), clock::now().0);
    let claims = jwt.verify(token.as_str(), now).and_then(Verified::refresh).map_err(bad_token)?;
    let rotate = call.app.config.jwt.rotate_refresh;
    let kid = if rotate { jwt.keyring().active(now).map(str::to_owned) } else { None };
    let id = claims.session;
    let token = Presented { user: claims.user, session: id, counter: claims.counter };
    let refreshed = call.app.accounts.refresh(&call.context(), token, kid).await;
    let refreshed = refreshed.map_err(|error| not_refreshed(&call.app, id, error))?;
    let tokens = call.app.tokens(id, &refreshed.live)?;

    let shown = rotate && !refresh_in_cookie(&call.app.config);
    let mut body = Map::new();
    body.insert("access".to_owned(), tokens.access.0.as_str().into());
    body.extend(shown.then(|| ("refresh".to_owned(), tokens.refresh.0.as_str().into())));
    body.insert("access_expiration".to_owned(), expiration(tokens.access.1));
    body.extend(shown.then(|| ("refresh_expiration".to_owned(), expiration(tokens.refresh.1))));
    let rules = &call.app.config.cookies;
    let new = rotate.then(|| rules.set_refresh(&tokens.refresh.0, tokens.refresh.1, now)).flatten();
    let cookies = rules.set_access(&tokens.access.0, tokens.access.1, now).into_iter().chain(new);
    Ok(call.positioned(Answer::ok(body.into()).with_cookies(cookies), refreshed.position))
}

fn not_refreshed(app: &App, id: SessionId, error: RefreshError) -> Answer {
    match error {
        RefreshError::Unknown => bad_token(TokenError::Invalid),
        RefreshError::Disabled => refused("User inactive or deleted.", "no_active_account"),
        RefreshError::Ended => refused(BLACKLISTED, NOT_VALID),
        RefreshError::Reused => {
            app.refuse_session(id, clock::now());
            refused(BLACKLISTED, NOT_VALID)
        }
        RefreshError::Failed(failure) => failure.into(),
    }
}

fn bad_token(error: TokenError) -> Answer {
    refused(error.detail(), NOT_VALID)
}

/// What a well-made refresh token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefreshStanding {
    Current,
    /// Its user may not come in.
    Disabled,
    /// Replaced, or its session ended.
    Spent,
}

/// Judges a refresh token without spending it: would the session's rule take it? One that was replaced a moment ago it
/// still takes.
pub(super) async fn standing(app: &App, claims: &RefreshClaims) -> Result<RefreshStanding, Answer> {
    let id = claims.session;
    let session = app.accounts.session(id).await?;
    let (Session::Live(live) | Session::Revoked(live, _)) = &session else {
        return Ok(RefreshStanding::Spent);
    };
    let Some(account) = app.accounts.account(live.user).await? else {
        return Ok(RefreshStanding::Spent);
    };
    let (grace, at) = (app.config.jwt.refresh_grace, clock::now());
    let refresh = Refresh { counter: claims.counter, next: None, grace, at };
    let taken = session.decide(Command::Refresh(refresh)).is_ok_and(|events| events.is_empty());
    Ok(match (account.active, taken && account.admits(id, live.epoch)) {
        (false, _) => RefreshStanding::Disabled,
        (true, true) => RefreshStanding::Current,
        (true, false) => RefreshStanding::Spent,
    })
}
