//! Social login for browsers: sent to a provider, let back in where nobody else could come back, and handed over to the front end,
//! which gives the code that it gets there for tokens or for a linked account. Who somebody is the provider's client finds out.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    link_page::in_query,
    social::{connected, not_identified, welcomed},
};
use crate::{
    answer::{Answer, Handled},
    app::App,
    call::{Call, admit},
    form::{
        FieldErrors, Secret,
        handoff::{BAD_CODE, HandoffCode, is_challenge},
        route::Endpoint,
    },
    pages::{self, Outcome},
    social::{
        Code, Credential, Kind, Site,
        flow::{Ending, FlowRules},
        handoff::{self, Handoff},
        intent::{self, Intent, IntentCookie},
    },
};

/// What a browser came with.
struct Visit<'a> {
    call: &'a Call,
    site: &'a Site,
    flow: &'a FlowRules,
}

/// What a provider has a browser bring.
struct Brought {
    state: String,
    code: String,
    error: String,
    /// Who sends it, where that is said (RFC 9207).
    issuer: String,
}

impl Brought {
    fn by(request: &Request) -> Self {
        let of = |name| in_query(request, name);
        Self { state: of("state"), code: of("code"), error: of("error"), issuer: of("iss") }
    }
}

/// Sends a browser to a provider.
pub(crate) async fn start(
    State(app): State<App>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let challenge = Some(in_query(&request, "code_challenge")).filter(|challenge| !challenge.is_empty());
    let begun = async {
        let call = admit(app, Endpoint::SOCIAL_PAGE, request).await?;
        let visit = Visit::of(&call, &provider)?;
        if challenge.as_deref().is_some_and(|challenge| !is_challenge(challenge)) {
            let fault = "A challenge by S256 is wanted: 43 letters, digits, - and _.";
            return Err(FieldErrors::one("code_challenge", fault).into());
        }
        Ok(visit.begin(challenge).await)
    };
    begun.await.unwrap_or_else(|refusal: Answer| refusal.into_response())
}

/// Takes a browser back from a provider and sends it to the front end.
pub(crate) async fn callback(
    State(app): State<App>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let brought = Brought::by(&request);
    let returned = async {
        let call = admit(app, Endpoint::SOCIAL_PAGE, request).await?;
        let visit = Visit::of(&call, &provider)?;
        Ok(visit.end(&brought).await)
    };
    returned.await.unwrap_or_else(|refusal: Answer| refusal.into_response())
}

/// `POST /social/login/`: the code of a finished login for a session.
pub(crate) async fn login(call: Call) -> Handled {
    let handoff = taken(&call).await?;
    welcomed(&call, &handoff.person).await
}

/// `POST /social/connect/`: the code for a link to the caller's account. One that somebody else could have slipped to the front end
/// would let him in for good.
pub(crate) async fn connect(call: Call) -> Handled {
    let handoff = taken(&call).await?;
    if !handoff.is_bound() {
        return Err(FieldErrors::one("code", BAD_CODE).into());
    }
    connected(&call, &handoff.person).await
}

/// Who a code stands for, once.
async fn taken(call: &Call) -> Result<Handoff, Answer> {
    let HandoffCode { code, verifier } = HandoffCode::parse(&call.fields()?)?;
    call.count_network().await?;
    let bad = || Answer::from(FieldErrors::one("code", BAD_CODE));
    let handoff = Handoff::from_code(&call.app.accounts.macs.tickets, code.as_str());
    let belongs = |handoff: &Handoff| handoff.belongs_to(verifier.as_ref().map(Secret::as_str));
    let handoff = handoff.filter(belongs).ok_or_else(bad)?;
    let is_first = call.app.attempts.is_first(&["social handoff", &handoff.name()], handoff::LIFE).await?;
    if is_first { Ok(handoff) } else { Err(bad()) }
}

impl<'a> Visit<'a> {
    fn of(call: &'a Call, provider: &str) -> Result<Self, Answer> {
        let flow = call.app.flow.as_ref().ok_or_else(Answer::not_found)?;
        // Twitter's version of OAuth knows none of what makes this safe.
        let site = call.app.providers.get(provider).filter(|site| site.config.kind != Kind::Twitter);
        Ok(Self { call, site: site.ok_or_else(Answer::not_found)?, flow })
    }

    async fn begin(&self, challenge: Option<String>) -> Response {
        let intent = Intent::new(&self.site.config.name, challenge);
        match self.sent_for(&intent).await {
            Ok((target, cookie)) => see_other(&target, &cookie),
            Err(ending) => see_other(&self.flow.front_end(&Err(ending)), &self.cookie().clear()),
        }
    }

    /// Where to go, and the cookie to come back with.
    async fn sent_for(&self, intent: &Intent) -> Result<(String, String), Ending> {
        self.call.count_network().await.map_err(|answer| ending_of(&answer))?;
        let page = self.site.authorization_url().await;
        let page = page.map_err(|error| ending_of(&not_identified(&self.site.config.name, &error)))?;
        let target = self.flow.provider(&page, &self.site.config, intent);
        let cookie = self.cookie().set(intent).ok_or(Ending::Failed)?;
        Ok((target, cookie))
    }

    async fn end(&self, brought: &Brought) -> Response {
        let intent = self.cookie().read(self.call.cookies());
        let intent = intent.filter(|intent| intent.is_answered_by(&self.site.config.name, &brought.state));
        let Some(intent) = intent else { return pages::outcome(Outcome::LoginDead) };
        let result = match self.is_first(&intent).await {
            Ok(true) => self.handed_over(intent, brought).await,
            Ok(false) => return pages::outcome(Outcome::LoginDead),
            Err(ending) => Err(ending),
        };
        see_other(&self.flow.front_end(&result), &self.cookie().clear())
    }

    /// Whether no node has seen this come back before.
    async fn is_first(&self, intent: &Intent) -> Result<bool, Ending> {
        let counted = self.call.app.attempts.is_first(&["social intent", intent.state()], intent::LIFE).await;
        counted.map_err(|error| ending_of(&error.into()))
    }

    /// The code for the front end.
    async fn handed_over(&self, intent: Intent, brought: &Brought) -> Result<String, Ending> {
        match brought.error.as_str() {
            "" => {}
            "access_denied" => return Err(Ending::Denied),
            _ => return Err(Ending::Failed),
        }
        let config = &self.site.config;
        let nonce = config.kind.speaks_openid().then_some(intent.nonce);
        let credential = Credential::Code(Code {
            code: Secret::new(brought.code.clone()),
            callback_url: self.flow.redirect_uri(&config.name),
            verifier: Some(Secret::new(intent.verifier)),
            nonce,
            sender: Some(brought.issuer.clone()),
        });
        let counted = self.call.count("social", &config.name, self.call.app.config.limits.social).await;
        counted.map_err(|answer| ending_of(&answer))?;
        let person = self.site.identify(&credential).await;
        let person = person.map_err(|error| ending_of(&not_identified(&config.name, &error)))?;
        let handoff = Handoff::new(person, intent.challenge);
        handoff.code(&self.call.app.accounts.macs.tickets).ok_or(Ending::Failed)
    }

    fn cookie(&self) -> IntentCookie<'_> {
        IntentCookie { key: &self.call.app.accounts.macs.tickets, https: self.flow.is_https() }
    }
}

fn ending_of(answer: &Answer) -> Ending {
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => Ending::Throttled,
        status if status.is_server_error() => Ending::Unavailable,
        _ => Ending::Failed,
    }
}

/// 303: whatever the browser came with, it goes on by GET. One that can't be written goes nowhere.
fn see_other(target: &str, cookie: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    for (name, value) in [(header::LOCATION, target), (header::SET_COOKIE, cookie)] {
        match HeaderValue::from_str(value) {
            Ok(value) => response.headers_mut().append(name, value),
            Err(_) => return pages::outcome(Outcome::LoginDead),
        };
    }
    response
}
