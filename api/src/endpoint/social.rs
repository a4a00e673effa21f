//! Logins through providers of identities, and the accounts there that let a user in: `<provider>/`, `<provider>/connect/`,
//! `socialaccounts/` and what is below it. Who somebody is the provider says; whom that lets in, the orders.

use std::sync::Arc;

use axum::{
    extract::{Path, Request},
    http::StatusCode,
    response::Response,
};
use projections::{LinkedRow, sessions};
use serde_json::{Value, json};
use store::{chain, clock};

use super::sessions::end_others;
use crate::{
    answer::{Answer, Handled},
    app::App,
    call::{self, Call},
    caller::{inactive, session_ended},
    command::{ConnectError, Person, SocialError, UnlinkError},
    form::{
        FieldErrors,
        errors::NON_FIELD,
        login::{BAD_CREDENTIALS, UNVERIFIED},
        registration::EMAIL_TAKEN,
        route::Endpoint,
        social::{
            Brought, BroughtToSign, FOREIGN_ACCOUNT, INCORRECT, LAST_WAY_IN, NO_CALLBACK_URL, NOT_EXCHANGED,
            NOTHING_BROUGHT,
        },
    },
    grant::account_details,
    social::{Code, Credential, Kind, ProviderError, Site},
};

/// Lets in whoever the provider says it is.
pub(crate) async fn login(call: Call, site: Arc<Site>) -> Handled {
    let person = identified(&call, &site).await?;
    welcomed(&call, &person).await
}

/// A session for whom a provider vouches.
pub(super) async fn welcomed(call: &Call, person: &Person) -> Handled {
    let client = call.client();
    let login = call.app.accounts.social_login(&call.context(), person, &client).await?;
    let (id, live) = &login.session;
    let details = account_details(login.user, &login.account);
    let answer = call.app.welcome(StatusCode::OK, (*id, live), details)?;
    Ok(call.positioned(answer, login.position))
}

/// Links the account there to the caller, whose session goes on and is shown once more.
pub(crate) async fn connect(call: Call, site: Arc<Site>) -> Handled {
    let person = identified(&call, &site).await?;
    connected(&call, &person).await
}

/// Links an account of whom a provider vouches for.
pub(super) async fn connected(call: &Call, person: &Person) -> Handled {
    let caller = *call.caller()?;
    let connected = call.app.accounts.connect(&call.context(), call.proof()?, person).await;
    let (account, position) = connected.map_err(|error| match error {
        ConnectError::ForeignAccount => refused(FOREIGN_ACCOUNT),
        ConnectError::Disabled => inactive(call.app.config.tokens),
        ConnectError::SessionEnded => session_ended(call.app.config.tokens),
        ConnectError::Failed(failure) => failure.into(),
    })?;
    let session = call.app.accounts.session(caller.session).await?;
    let live = session.live().ok_or_else(|| session_ended(call.app.config.tokens))?;
    let details = account_details(caller.user, &account);
    let answer = call.app.welcome(StatusCode::OK, (caller.session, live), details)?;
    Ok(call.positioned(answer, position))
}

/// The accounts that let the caller in.
pub(crate) async fn list(call: Call) -> Handled {
    let caller = *call.caller()?;
    call.app.wait_for_sessions().await?;
    let user = call.app.user(caller.user).await?;
    let user = user.filter(|user| user.active).ok_or_else(|| inactive(call.app.config.tokens))?;
    let logins = sessions::last_social_logins(&call.app.views, user.pk).await?;
    let shown = |linked: &LinkedRow| {
        let last = logins.get(&linked.id).copied().unwrap_or(linked.linked_at);
        json!({
            "id": linked.id,
            "provider": linked.provider,
            "uid": linked.subject.as_deref().unwrap_or_default(),
            "last_login": clock::rfc3339(last),
            "date_joined": clock::rfc3339(linked.linked_at),
        })
    };
    let list: Value = user.linked.iter().map(shown).collect();
    Ok(call.positioned(Answer::ok(list), user.position))
}

/// Takes away the account that the path names, if it is one of the caller's and not his last way in, and ends the sessions that
/// came in by it: whoever takes away a link that is not his own wants to be rid of the other one.
pub(crate) async fn disconnect(app: App, id: Path<String>, request: Request) -> Response {
    let handler = |call: Call| async move {
        let tokens = call.app.config.tokens;
        let id: u32 = id.parse().map_err(|_| Answer::not_found())?;
        let offered = call.app.providers.names();
        let unlinked = call.app.accounts.unlink(&call.context(), call.proof()?, id, &offered).await;
        let gone = match unlinked {
            Ok(position) => Some(position),
            // An earlier try may have died before it ended them.
            Err(UnlinkError::NotLinked) => None,
            Err(UnlinkError::LastWayIn) => return Err(refused(LAST_WAY_IN)),
            Err(UnlinkError::Disabled) => return Err(inactive(tokens)),
            Err(UnlinkError::SessionEnded) => return Err(session_ended(tokens)),
            Err(UnlinkError::Failed(failure)) => return Err(failure.into()),
        };
        let caller = *call.caller()?;
        let ended = end_others(&call, &caller, |session| session.social == Some(id)).await?;
        let position = gone.ok_or_else(Answer::not_found)?;
        Ok(call.positioned(Answer::ok(json!({})), position.max(ended.unwrap_or_default())))
    };
    call::answer(app, Endpoint::SOCIAL_DISCONNECT, request, handler).await
}

/// Whom the provider knows by what the caller brought.
async fn identified(call: &Call, site: &Site) -> Result<Person, Answer> {
    let credential = credential(call, site)?;
    call.count("social", &site.config.name, call.app.config.limits.social).await?;
    site.identify(&credential).await.map_err(|error| not_identified(&site.config.name, &error))
}

/// Of all that may be brought the one that says most; what the provider has no use for is passed over.
fn credential(call: &Call, site: &Site) -> Result<Credential, Answer> {
    let fields = call.fields()?;
    if site.config.kind == Kind::Twitter {
        let BroughtToSign { access_token: token, token_secret: secret } = BroughtToSign::parse(&fields)?;
        return Ok(Credential::Signing { token, secret });
    }
    let brought = Brought::parse(&fields)?;
    let id_token = brought.id_token.filter(|_| site.config.kind.speaks_openid());
    match (id_token, brought.access_token, brought.code) {
        (Some(token), _, _) => Ok(Credential::IdToken { token, nonce: brought.nonce }),
        (None, Some(token), _) => Ok(Credential::AccessToken(token)),
        (None, None, Some(code)) => {
            let callback_url = site.config.callback(brought.callback_url.as_deref());
            let callback_url = callback_url.ok_or_else(|| refused(NO_CALLBACK_URL))?.to_owned();
            let (verifier, nonce) = (brought.code_verifier, brought.nonce);
            Ok(Credential::Code(Code { code, callback_url, verifier, nonce, sender: None }))
        }
        (None, None, None) => Err(refused(NOTHING_BROUGHT)),
    }
}

fn refused(sentence: &str) -> Answer {
    FieldErrors::one(NON_FIELD, sentence).into()
}

pub(super) fn not_identified(provider: &str, error: &ProviderError) -> Answer {
    match error {
        ProviderError::Refused(_) => {
            tracing::info!(provider, error = chain(error), "nobody was let in");
            refused(INCORRECT)
        }
        ProviderError::NotExchanged(_) => {
            tracing::info!(provider, error = chain(error), "nobody was let in");
            refused(NOT_EXCHANGED)
        }
        ProviderError::Away(_)
        | ProviderError::Busy
        | ProviderError::Slow
        | ProviderError::Misconfigured(_) => {
            tracing::warn!(provider, error = chain(error), "a provider of identities did not help");
            Answer::unavailable(call::SOON)
        }
    }
}

impl From<SocialError> for Answer {
    fn from(error: SocialError) -> Self {
        match error {
            SocialError::EmailTaken => refused(EMAIL_TAKEN),
            SocialError::Disabled => refused(BAD_CREDENTIALS),
            SocialError::Unverified => refused(UNVERIFIED),
            SocialError::Failed(failure) => failure.into(),
        }
    }
}
