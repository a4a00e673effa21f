//! Which path leads to which endpoint. Paths are registered without the slash at their end: the edge takes it off.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::Method,
    response::{IntoResponse, Response},
    routing::{any, get},
};

use crate::{
    answer::{Answer, Handled},
    app::{App, Parts},
    call::{self, Call},
    config::TokenMode,
    endpoint::{
        email, health, link_page, login, logout, password, registration, reset, sessions, social,
        social_flow, token, user,
    },
    form::route::{Endpoint, Offered, not_allowed},
    social::{Kind, Site},
};

/// The page behind a link that verifies an address.
pub const VERIFY_PATH: &str = "/verify-email";
/// The page behind a link that resets a password.
pub const RESET_PATH: &str = "/reset-password";

const SOCIAL_START_PATH: &str = "/social/{provider}/start";
const SOCIAL_CALLBACK_PATH: &str = "/social/{provider}/callback";
const LIVE_PATH: &str = "/health/live";
const READY_PATH: &str = "/health/ready";
const JWKS_PATH: &str = "/.well-known/jwks.json";

/// What requests are answered by.
pub type Routes = Router;

/// Whether paths that begin with this segment are served at the root, so that the contract's can't begin with it.
pub fn is_own(segment: &str) -> bool {
    let own = [
        VERIFY_PATH,
        RESET_PATH,
        LIVE_PATH,
        READY_PATH,
        JWKS_PATH,
        Endpoint::SESSIONS.path,
        SOCIAL_START_PATH,
    ];
    own.iter().any(|path| path.trim_start_matches('/').split('/').next() == Some(segment))
}

/// All routes of a process that serves the API.
pub fn routes(app: App, parts: Parts) -> Routes {
    let base = app.config.base_path.clone();
    let table = Table { base: &base, jwt: app.config.tokens == TokenMode::Jwt, router: Router::new() };
    let table = table
        .with(Endpoint::LOGIN, login::login)
        .with(Endpoint::LOGOUT, logout::logout)
        .with(Endpoint::USER, user::user)
        .with(Endpoint::PASSWORD_CHANGE, password::change)
        .with(Endpoint::PASSWORD_RESET, reset::request)
        .with(Endpoint::PASSWORD_RESET_CONFIRM, reset::confirm)
        .with(Endpoint::REGISTRATION, registration::register)
        .with(Endpoint::VERIFY_EMAIL, registration::verify_email)
        .with(Endpoint::RESEND_EMAIL, registration::resend_email)
        .with(Endpoint::TOKEN_VERIFY, token::verify)
        .with(Endpoint::TOKEN_REFRESH, token::refresh)
        .with(Endpoint::EMAIL_CHANGE, email::change)
        .with(Endpoint::SOCIAL_ACCOUNTS, social::list);
    let table = app.providers.all().fold(table, Table::with_provider);
    let disconnect = mounted(&base, Endpoint::SOCIAL_DISCONNECT);
    let own = Table { base: "", ..table }.with(Endpoint::SESSIONS, sessions::sessions);
    let own = if app.flow.is_some() { own.with_flow() } else { own };
    own.router
        .route(&mounted("", Endpoint::SESSION), any(one_session))
        .route(&disconnect, any(one_social_account))
        .route(JWKS_PATH, get(health::jwks).fallback(wrong_method))
        .route(VERIFY_PATH, get(link_page::verify_form).post(link_page::verify).fallback(wrong_method))
        .route(RESET_PATH, get(link_page::reset_form).post(link_page::reset).fallback(wrong_method))
        .with_state(app)
        .merge(health_routes(parts))
}

/// The routes of every process.
pub fn health_routes(parts: Parts) -> Routes {
    Router::new()
        .route(LIVE_PATH, get(health::live).fallback(wrong_method))
        .route(READY_PATH, get(health::ready).fallback(wrong_method))
        .fallback(nowhere)
        .with_state(parts)
}

async fn one_session(State(app): State<App>, id: Path<String>, request: Request) -> Response {
    sessions::session(app, id, request).await
}

async fn one_social_account(State(app): State<App>, id: Path<String>, request: Request) -> Response {
    social::disconnect(app, id, request).await
}

async fn nowhere() -> Answer {
    Answer::not_found()
}

async fn wrong_method(method: Method) -> Response {
    let body = not_allowed(method.as_str());
    Answer::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, body).into_response()
}

fn mounted(base: &str, endpoint: Endpoint) -> String {
    format!("{base}/{}", endpoint.path.trim_end_matches('/'))
}

struct Table<'a> {
    base: &'a str,
    jwt: bool,
    router: Router<App>,
}

impl Table<'_> {
    /// Mounts the two endpoints of a provider of identities.
    fn with_provider(self, site: &Arc<Site>) -> Self {
        let (login, connect) = match site.config.kind {
            Kind::Twitter => (Endpoint::SIGNED_LOGIN, Endpoint::SIGNED_CONNECT),
            Kind::Facebook | Kind::Google | Kind::GitHub | Kind::OpenId { .. } => {
                (Endpoint::SOCIAL_LOGIN, Endpoint::SOCIAL_CONNECT)
            }
        };
        let base = format!("{}/{}", self.base, site.config.path());
        let (to_log_in, to_connect) = (Arc::clone(site), Arc::clone(site));
        self.at(&base, login, move |call| social::login(call, Arc::clone(&to_log_in))).at(
            &mounted(&base, connect),
            connect,
            move |call| social::connect(call, Arc::clone(&to_connect)),
        )
    }

    /// Mounts the way of a browser to providers of identities and to the front end.
    fn with_flow(self) -> Self {
        let own = self
            .with(Endpoint::HANDOFF_LOGIN, social_flow::login)
            .with(Endpoint::HANDOFF_CONNECT, social_flow::connect);
        let router = own
            .router
            .route(SOCIAL_START_PATH, any(social_flow::start))
            .route(SOCIAL_CALLBACK_PATH, any(social_flow::callback));
        Self { router, ..own }
    }

    /// Mounts an endpoint, unless it is for tokens that this deployment does not use.
    fn with<H, F>(self, endpoint: Endpoint, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        if endpoint.offered == Offered::WithJwt && !self.jwt {
            return self;
        }
        let path = mounted(self.base, endpoint);
        self.at(&path, endpoint, handler)
    }

    fn at<H, F>(self, path: &str, endpoint: Endpoint, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        let route = any(move |State(app): State<App>, request: Request| {
            let handler = handler.clone();
            async move { call::answer(app, endpoint, request, handler).await }
        });
        Self { router: self.router.route(path, route), ..self }
    }
}
