//! Shows the mails: a page for people, which looks for new ones by itself, and JSON for scripts. What stands in a mail is foreign: it
//! is escaped, no script runs at all, and only pages of this machine's own names are answered.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use minijinja::{Environment, context};
use serde_json::{Value, json};

use crate::mailbox::{Caught, MOST, Mailbox, pieces};

const LIST: &str = include_str!("list.html");
const MAIL: &str = include_str!("mail.html");
const STYLE: &str = include_str!("style.css");

const OWN_PAGE: &str =
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Nothing of a mail's HTML is fetched or run, and it is nobody's page.
const FOREIGN_PAGE: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

type Shared = State<Arc<Mailbox>>;

pub(crate) fn routes(mailbox: Arc<Mailbox>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mails/{id}", get(mail))
        .route("/mails/{id}/html", get(html))
        .route("/mails/{id}/source", get(source))
        .route("/messages", get(messages))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .with_state(mailbox)
        .layer(middleware::from_fn(guard))
}

/// A page of another name, which leads here, must not read the links in mails; nor may any page be told where a link stood.
async fn guard(request: Request, next: Next) -> Response {
    if !is_local(request.headers()) {
        return (StatusCode::FORBIDDEN, "ask for localhost or a loopback address").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(header::HeaderValue::from_static(OWN_PAGE));
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

async fn list(State(mailbox): Shared) -> Response {
    let mails: Vec<_> = mailbox.all().iter().rev().map(|caught| shown(caught)).collect();
    page("list.html", LIST, &context! { mails, most => MOST })
}

async fn mail(State(mailbox): Shared, Path(id): Path<u64>) -> Response {
    let Some(caught) = mailbox.one(id) else { return gone() };
    let text: Vec<_> = pieces(&caught.text).into_iter().map(|(text, link)| context! { text, link }).collect();
    page("mail.html", MAIL, &context! { text, has_html => !caught.html.is_empty(), ..shown(&caught) })
}

/// What the list shows of a mail.
fn shown(caught: &Caught) -> minijinja::Value {
    let Caught { id, mail, subject, date, .. } = caught;
    context! { id, subject, date, from => &mail.from, to => mail.to.join(", ") }
}

async fn html(State(mailbox): Shared, Path(id): Path<u64>) -> Response {
    let Some(caught) = mailbox.one(id) else { return gone() };
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, FOREIGN_PAGE)];
    (headers, caught.html.clone()).into_response()
}

async fn source(State(mailbox): Shared, Path(id): Path<u64>) -> Response {
    let Some(caught) = mailbox.one(id) else { return gone() };
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], caught.mail.source.clone()).into_response()
}

/// The oldest first.
async fn messages(State(mailbox): Shared) -> Response {
    let told = |caught: &Arc<Caught>| {
        let Caught { id, mail, subject, date, text, .. } = caught.as_ref();
        let links: Vec<_> = caught.links().collect();
        json!({
            "id": id, "from": mail.from, "to": mail.to, "subject": subject, "date": date, "text": text, "links": links,
        })
    };
    let all: Vec<Value> = mailbox.all().iter().map(told).collect();
    ([(header::CONTENT_TYPE, "application/json")], Value::from(all).to_string()).into_response()
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "There is no such mail, or no longer.").into_response()
}

/// A template whose name ends in `.html` escapes all that is put into it.
fn page(name: &'static str, template: &'static str, context: &minijinja::Value) -> Response {
    match Environment::new().render_named_str(name, template, context) {
        Ok(page) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
