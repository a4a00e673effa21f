//! Who calls: reads a token from the `Authorization` header or the access cookie and says whose it is. Words of refusal
//! are the contract's. For a JWT no I/O is done; for an opaque key as little as can be.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use domain::{Session, SessionId, UserId, session::Live};
use serde_json::json;
use store::{StreamId, clock};

use crate::{
    answer::Answer,
    app::{App, KeySession},
    call::cookies,
    config::TokenMode,
    revocation::Standing,
    token::{TokenError, opaque},
};

/// A user who proved himself, and the session by which he did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// The user's epoch that the session was verified against.
    pub(crate) epoch: u32,
}

const INACTIVE: &str = "User inactive or deleted.";

/// Whose request this is: nobody's without credentials of the kind that is in use here; refused if they are bad.
pub(crate) async fn identify(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Answer> {
    match app.config.tokens {
        TokenMode::Jwt => match bearer(app, headers)? {
            Some(token) => by_jwt(app, &token).map(Some),
            None => Ok(None),
        },
        TokenMode::Key => match key(headers)? {
            Some(key) => by_key(app, &key).await.map(Some),
            None => Ok(None),
        },
    }
}

/// 401: there were no credentials.
pub(crate) fn nobody(mode: TokenMode) -> Answer {
    challenge(mode, json!({ "detail": "Authentication credentials were not provided." }))
}

/// 401: the credentials' user may not come in, whatever his session is like.
pub(crate) fn inactive(mode: TokenMode) -> Answer {
    match mode {
        TokenMode::Jwt => refused(INACTIVE, "user_inactive"),
        TokenMode::Key => challenge(mode, json!({ "detail": INACTIVE })),
    }
}

/// 401: the session by which the request was made has just ended.
pub(crate) fn session_ended(mode: TokenMode) -> Answer {
    match mode {
        TokenMode::Jwt => bad_access_token("Token is blacklisted"),
        TokenMode::Key => challenge(mode, json!({ "detail": "Invalid token." })),
    }
}

/// 401 to a token in a body.
pub(crate) fn refused(detail: &str, code: &str) -> Answer {
    challenge(TokenMode::Jwt, json!({ "detail": detail, "code": code }))
}

/// 401 with the challenge that names the kind of credentials in use (RFC 9110, section 11.6.1).
pub(crate) fn challenge(mode: TokenMode, body: serde_json::Value) -> Answer {
    let scheme = match mode {
        TokenMode::Jwt => "Bearer realm=\"api\"",
        TokenMode::Key => "Token",
    };
    Answer::new(StatusCode::UNAUTHORIZED, body).with(header::WWW_AUTHENTICATE, scheme)
}

fn bad_access_token(message: &str) -> Answer {
    let body = json!({
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "messages": [{ "token_class": "AccessToken", "token_type": "access", "message": message }],
    });
    challenge(TokenMode::Jwt, body)
}

/// The `Authorization` header. Of several nobody can tell which one counts: together they are credentials of no kind.
fn authorization(headers: &HeaderMap) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> =
        headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn words(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The access token of the header or, where there is no such header, of the cookie.
fn bearer(app: &App, headers: &HeaderMap) -> Result<Option<String>, Answer> {
    let Some(header) = authorization(headers) else {
        let cookie = app.config.cookies.read_access(cookies(headers));
        return Ok(cookie.map(str::to_owned));
    };
    let mut words = words(&header);
    if words.next() != Some(b"Bearer") {
        return Ok(None);
    }
    match (words.next(), words.next()) {
        (Some(token), None) => Ok(Some(String::from_utf8_lossy(token).into_owned())),
        _ => Err(refused(
            "Authorization header must contain two space-delimited values",
            "bad_authorization_header",
        )),
    }
}

fn by_jwt(app: &App, token: &str) -> Result<Caller, Answer> {
    let claims = app.verified.verify(&app.jwt(), token, clock::now().0);
    let claims = claims.map_err(|error| match error {
        TokenError::Invalid | TokenError::Expired | TokenError::WrongType => bad_access_token(error.detail()),
    })?;
    let caller = Caller { user: claims.user, session: claims.session, epoch: claims.epoch };
    match app.revocations.standing(caller.user, caller.session, caller.epoch)? {
        Standing::Good => Ok(caller),
        Standing::Disabled => Err(inactive(TokenMode::Jwt)),
        Standing::Revoked => Err(session_ended(TokenMode::Jwt)),
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Answer> {
    let Some(header) = authorization(headers) else {
        return Ok(None);
    };
    let mut words = words(&header);
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"token")) {
        return Ok(None);
    }
    let bad = |why: &str| {
        let detail = format!("Invalid token header. {why}");
        Err(challenge(TokenMode::Key, json!({ "detail": detail })))
    };
    match (words.next(), words.next()) {
        (None, _) => bad("No credentials provided."),
        (Some(_), Some(_)) => bad("Token string should not contain spaces."),
        (Some(key), None) => match std::str::from_utf8(key) {
            Ok(key) => Ok(Some(key.to_owned())),
            Err(_) => bad("Token string should not contain invalid characters."),
        },
    }
}

async fn by_key(app: &App, key: &str) -> Result<Caller, Answer> {
    let invalid = || session_ended(TokenMode::Key);
    let id = opaque::parse(app.jwt().keyring().opaque_mac(), key).ok_or_else(invalid)?;
    let session = match app.key_sessions.get(id) {
        Some(session) => session,
        None => admitted(app, id).await?,
    };
    // After remembering it: a revocation in between is found here, one that comes later drops what is remembered.
    match app.revocations.standing(session.user, id, session.epoch)? {
        Standing::Good if clock::now() < session.until => {
            Ok(Caller { user: session.user, session: id, epoch: session.epoch })
        }
        Standing::Disabled => Err(inactive(TokenMode::Key)),
        Standing::Good | Standing::Revoked => Err(invalid()),
    }
}

/// What a session's stream and its user's say of it, if it may act.
async fn admitted(app: &App, id: SessionId) -> Result<KeySession, Answer> {
    let invalid = || session_ended(TokenMode::Key);
    let loaded = app.journal().load::<Session>(&StreamId::session(id)).await?;
    let (Session::Live(live) | Session::Revoked(live, _)) = &loaded.state else {
        return Err(invalid());
    };
    let user = app.user(live.user).await?.ok_or_else(invalid)?;
    if !user.active {
        return Err(inactive(TokenMode::Key));
    }
    let Live { epoch, until, .. } = *live;
    if loaded.state.live().is_none() || !user.admits(id, epoch) {
        return Err(invalid());
    }
    let session = KeySession { user: live.user, epoch, until };
    app.key_sessions.put(id, session);
    Ok(session)
}
