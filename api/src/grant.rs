//! What a session hands to its client: tokens in a body, in cookies, or an opaque key, as the settings say.

use axum::http::StatusCode;
use domain::{
    SessionId, Time, UserId,
    session::Live,
    user::{Account, Names},
};
use serde_json::{Map, Value, json};
use store::{
    clock::{self, rfc3339},
    random,
};

use crate::{
    answer::Answer,
    app::Application,
    config::{Config, TokenMode},
    token::{
        jwt::{AccessClaims, RefreshClaims, SignError},
        opaque,
    },
};

/// The tokens of one session, with the seconds since the Unix epoch at which they expire.
pub(crate) struct Tokens {
    pub(crate) access: (String, i64),
    pub(crate) refresh: (String, i64),
}

impl Application {
    /// The newest tokens of a session.
    pub(crate) fn tokens(&self, id: SessionId, live: &Live) -> Result<Tokens, SignError> {
        let (jwt, now) = (self.jwt(), clock::now());
        let (iat, exp, kid) = if let Some(issue) = &live.issue {
            (issue.iat, issue.exp, issue.kid.clone())
        } else {
            let exp = live.until.min(live.started_at + self.config.jwt.refresh_ttl);
            let kid = jwt.keyring().active(now.0).ok_or(SignError::NoActiveKey)?;
            (live.started_at, exp, kid.to_owned())
        };
        let claims = RefreshClaims {
            user: live.user,
            session: id,
            counter: live.counter,
            iat: iat.seconds(),
            exp: exp.seconds(),
        };
        let refresh = (jwt.sign_refresh(&claims, &kid)?, exp.seconds());
        let exp = live.until.min(now + self.config.jwt.access_ttl).seconds();
        let claims = AccessClaims {
            user: live.user,
            session: id,
            epoch: live.epoch,
            iat: now.seconds(),
            exp,
            jti: random::bytes(),
        };
        Ok(Tokens { access: (jwt.sign_access(&claims, now.0)?, exp), refresh })
    }

    /// The answer to a login (`status` 200) or a registration (201) that began a session.
    pub(crate) fn welcome(
        &self,
        status: StatusCode,
        (id, live): (SessionId, &Live),
        user: Value,
    ) -> Result<Answer, SignError> {
        if self.config.tokens == TokenMode::Key {
            let key = opaque::issue(self.jwt().keyring().opaque_mac(), id);
            return Ok(Answer::new(status, json!({ "key": key })));
        }
        let tokens = self.tokens(id, live)?;
        let shown = if refresh_in_cookie(&self.config) { "" } else { tokens.refresh.0.as_str() };
        let mut body = Map::new();
        body.insert("access".to_owned(), tokens.access.0.as_str().into());
        body.insert("refresh".to_owned(), shown.into());
        body.insert("user".to_owned(), user);
        if self.config.jwt.return_expiration && status == StatusCode::OK {
            body.insert("access_expiration".to_owned(), expiration(tokens.access.1));
            body.insert("refresh_expiration".to_owned(), expiration(tokens.refresh.1));
        }
        let (rules, now) = (&self.config.cookies, clock::now().0);
        let cookies = [
            rules.set_access(&tokens.access.0, tokens.access.1, now),
            rules.set_refresh(&tokens.refresh.0, tokens.refresh.1, now),
        ];
        Ok(Answer::new(status, body.into()).with_cookies(cookies.into_iter().flatten()))
    }
}

/// Whether refresh tokens live in a cookie that scripts can't read, and therefore never in a body.
pub(crate) fn refresh_in_cookie(config: &Config) -> bool {
    config.cookies.httponly && config.cookies.refresh.is_some()
}

/// A user as the contract shows him.
pub(crate) fn user_details(pk: UserId, names: &Names, email: Option<&str>) -> Value {
    json!({
        "pk": pk.0,
        "username": names.username,
        "email": email.unwrap_or_default(),
        "first_name": names.first_name,
        "last_name": names.last_name,
    })
}

/// As [`user_details`], of a folded account.
pub(crate) fn account_details(pk: UserId, account: &Account) -> Value {
    let email = account.email.as_ref().and_then(|address| address.email.get());
    user_details(pk, account.names.get().unwrap_or(&Names::default()), email.map(String::as_str))
}

/// When a token expires, given in seconds since the Unix epoch, as bodies show it.
pub(crate) fn expiration(seconds: i64) -> Value {
    rfc3339(Time::from_seconds(seconds)).into()
}
