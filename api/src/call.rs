//! One request to an endpoint, as its handler sees it: who calls and from where, with which body. What the client takes is
//! judged before credentials, these before the method, and the method before the body, as the contract has it.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use axum::{
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{UserId, session::Client, user::Proof};
use store::{Context, Position, random};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{
    answer::{Answer, Handled},
    app::App,
    caller::{self, Caller},
    command::Failure,
    config::Limit,
    edge::{ClientAddress, RequestId, prefix},
    form::{
        Fields,
        accept::suits,
        read,
        route::{Credentials, Endpoint, not_allowed},
    },
    password::Seat,
};

/// Asks a query to know at least what the log held at this position.
pub(crate) const MIN_POSITION: HeaderName = HeaderName::from_static("stele-min-position");

/// Much longer than known and unknown accounts differ by.
const BEAT: Duration = Duration::from_millis(20);

/// When to come back to ask somebody who is away now.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// Longer agents are cut off here: enough to tell one device from another.
const AGENT_LENGTH: usize = 200;

pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    caller: Option<Caller>,
    body: Bytes,
    since: Instant,
    id: Uuid,
    address: IpAddr,
}

/// Answers one request to `endpoint`, by `handler` if it gets that far.
pub(crate) async fn answer<H, F>(app: App, endpoint: Endpoint, request: Request, handler: H) -> Response
where
    H: FnOnce(Call) -> F + Send,
    F: Future<Output = Handled> + Send,
{
    if let Err(unsuitable) = suits(request.uri().query(), accepted(request.headers()).as_deref()) {
        return Answer::new(unsuitable.status(), unsuitable.to_json()).into_response();
    }
    match admit(app, endpoint, request).await {
        Ok(call) => handler(call).await.unwrap_or_else(|refusal| refusal).into_response(),
        Err(answer) => answer.into_response(),
    }
}

/// Lets a request in, or says why not.
pub(crate) async fn admit(app: App, endpoint: Endpoint, request: Request) -> Result<Call, Answer> {
    let since = Instant::now();
    let (parts, body) = request.into_parts();
    let caller = match endpoint.credentials {
        Credentials::Ignored => None,
        Credentials::Optional => caller::identify(&app, &parts.headers).await?,
        Credentials::Required => match caller::identify(&app, &parts.headers).await? {
            Some(caller) => Some(caller),
            None => return Err(caller::nobody(app.config.tokens)),
        },
    };
    if parts.method == Method::OPTIONS {
        return Err(Answer::ok(endpoint.options(app.config.old_password_required)));
    }
    if !endpoint.methods.contains(&parts.method.as_str()) {
        return Err(wrong_method(endpoint, &parts.method));
    }
    if parts.method.is_safe() {
        wait_for_position(&app, &parts.headers).await?;
    }
    // The body was read whole, and found small enough, before the request came here.
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Answer::detail(StatusCode::BAD_REQUEST, "The request body could not be read."))?;
    let address = parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address);
    let id = parts.extensions.get::<RequestId>().map(|RequestId(id)| *id);
    Ok(Call {
        app,
        method: parts.method,
        headers: parts.headers,
        caller,
        body,
        since,
        id: id.unwrap_or_else(random::id),
        address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    })
}

/// 405, with the methods that there are.
pub(crate) fn wrong_method(endpoint: Endpoint, method: &Method) -> Answer {
    Answer::new(StatusCode::METHOD_NOT_ALLOWED, not_allowed(method.as_str()))
        .with(header::ALLOW, &endpoint.allow())
}

async fn wait_for_position(app: &App, headers: &HeaderMap) -> Result<(), Answer> {
    let Some(asked) = headers.get(MIN_POSITION) else {
        return Ok(());
    };
    let log = app.journal().log();
    let position =
        asked.to_str().ok().and_then(|text| Position::from_text(log.log_id(), text)).ok_or_else(|| {
            Answer::detail(StatusCode::BAD_REQUEST, "Stele-Min-Position is no position of this log.")
        })?;
    app.wait_for_log(position).await
}

impl Call {
    /// The fields of the body.
    pub(crate) fn fields(&self) -> Result<Fields, Answer> {
        let content_type = self.headers.get(header::CONTENT_TYPE).map(header_text);
        Ok(read(content_type.as_deref(), &self.body)?)
    }

    /// Who calls, if he said so.
    pub(crate) const fn known_caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Who calls; endpoints that require credentials are reached by nobody else.
    pub(crate) fn caller(&self) -> Result<&Caller, Answer> {
        self.caller.as_ref().ok_or_else(|| caller::nobody(self.app.config.tokens))
    }

    /// The caller, as the rules want to know him.
    pub(crate) fn proof(&self) -> Result<(UserId, Proof), Answer> {
        let caller = self.caller()?;
        Ok((caller.user, Proof { session: caller.session, epoch: caller.epoch }))
    }

    /// On whose behalf events are written. The correlation id is that of the request.
    pub(crate) fn context(&self) -> Context {
        let actor = self
            .caller
            .as_ref()
            .map_or_else(|| "anonymous".to_owned(), |caller| format!("user:{}", caller.user));
        Context { correlation: self.id, causation: None, actor }
    }

    /// From where the request comes, for the list of sessions.
    pub(crate) fn client(&self) -> Client {
        let agent = self.headers.get(header::USER_AGENT).map(header_text).unwrap_or_default();
        let agent = agent.chars().filter(|letter| !letter.is_control()).take(AGENT_LENGTH).collect();
        Client { address: self.address.to_string(), agent }
    }

    /// The values of the `Cookie` headers.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        cookies(&self.headers)
    }

    /// Takes a seat for an order that has a password hashed; those who call from one network share theirs.
    pub(crate) fn seat(&self) -> Result<Seat, Answer> {
        Ok(self.app.accounts.enter(&prefix(self.address)).map_err(Failure::from)?)
    }

    /// Counts one attempt of this network at anything.
    pub(crate) async fn count_network(&self) -> Result<(), Answer> {
        let limit = self.app.config.limits.network;
        Ok(self.app.attempts.count(&["network", &prefix(self.address)], limit).await??)
    }

    /// Counts one attempt of this network at `what`, which `whom` names, and one at anything.
    pub(crate) async fn count(&self, what: &str, whom: &str, limit: Limit) -> Result<(), Answer> {
        self.count_network().await?;
        self.count_target(what, whom, limit).await
    }

    /// Counts one attempt of this network at `what`, which `whom` names.
    pub(crate) async fn count_target(&self, what: &str, whom: &str, limit: Limit) -> Result<(), Answer> {
        Ok(self.app.attempts.count(&[what, whom, &prefix(self.address)], limit).await??)
    }

    /// Counts one change that the caller makes to his own account, from whatever network.
    pub(crate) async fn count_change(&self, what: &str, limit: Limit) -> Result<(), Answer> {
        let user = self.caller()?.user.to_string();
        Ok(self.app.attempts.count(&[what, &user], limit).await??)
    }

    /// Waits for the next beat since the request came, so that what was done is not told by the time that it took.
    pub(crate) async fn await_beat(&self) {
        let beats = self.since.elapsed().as_micros() / BEAT.as_micros() + 1;
        sleep_until(self.since + BEAT * u32::try_from(beats).unwrap_or(1)).await;
    }

    /// Forgets the attempts of this network at `what`.
    pub(crate) async fn forget_attempts(&self, what: &str, whom: &str) -> Result<(), Answer> {
        Ok(self.app.attempts.clear(&[what, whom, &prefix(self.address)]).await?)
    }

    /// An answer that says where its newest event stands.
    pub(crate) fn positioned(&self, answer: Answer, position: Position) -> Answer {
        answer.at(self.app.journal().log().log_id(), position)
    }
}

/// The values of the `Cookie` headers.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok())
}

/// A header as text, byte for byte in Latin-1 (RFC 9110, section 5.5).
pub(crate) fn header_text(value: &axum::http::HeaderValue) -> String {
    value.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

/// The types that a client takes, if it names any; several headers are one list (RFC 9110, section 5.3).
fn accepted(headers: &HeaderMap) -> Option<String> {
    let lists: Vec<String> = headers.get_all(header::ACCEPT).iter().map(header_text).collect();
    (!lists.is_empty()).then(|| lists.join(","))
}
