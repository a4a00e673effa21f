//! The whole edge around a few routes, request by request.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::http::header::CACHE_CONTROL;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing::span;
use uuid::Uuid;

use super::{ClientAddress, Edge, Origins, RequestId};
use crate::server::{PeerAddress, Served, ServerLimits};

const APP: &str = "https://app.example";

async fn panics() -> &'static str {
    panic!("on purpose")
}

fn edge() -> Edge {
    Edge {
        origins: Origins { own: "https://id.example".parse().ok(), allowed: vec![APP.parse().unwrap()] },
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        cookies: true,
        new_id: || Uuid::from_u128(7),
    }
}

fn served(edge: Edge) -> impl Served {
    let second = Duration::from_secs(1);
    let limits = ServerLimits {
        max_connections: 1,
        proxies: Vec::new(),
        header_timeout: second,
        body_timeout: second,
        request_timeout: Duration::from_millis(50),
        idle_timeout: second,
        body_limit: 10,
        drain: second,
    };
    let keys = || async { ([(CACHE_CONTROL, "public, max-age=300")], "keys") };
    let id = |Extension(RequestId(id))| async move { Uuid::to_string(&id) };
    let client = |Extension(ClientAddress(ip))| async move { std::net::IpAddr::to_string(&ip) };
    let routes = Router::new()
        .route("/", get(|| async { "root" }))
        .route("/auth/login", post(|body: Bytes| async move { body }))
        .route("/auth/confirm/{key}", get(|| async { "page" }))
        .route("/keys", get(keys))
        .route("/id", get(id))
        .route("/client", get(client))
        .route("/panic", get(panics))
        .route("/forever", get(std::future::pending::<()>));
    edge.wrap(routes, limits)
}

async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "id.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    served(edge()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_path_is_the_same_route_with_and_without_a_slash_at_its_end() {
    for path in ["/auth/login", "/auth/login/", "/auth/login/?next=/x/", "http://id.example/auth/login/"] {
        assert_eq!(ask("POST", path, &[]).await.status(), 200, "{path}");
    }
    assert_eq!(text(ask("GET", "/", &[]).await).await, "root");
    assert_eq!(ask("GET", "/auth/confirm/abc/", &[]).await.status(), 200);
    for path in ["/auth/login//", "/auth", "/auth/", "///"] {
        assert_eq!(ask("GET", path, &[]).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_needless_escape_in_a_path_changes_nothing_and_a_needed_one_is_no_part_of_a_route() {
    for path in ["/auth/log%69n", "/auth/%6C%6Fgin/?next=%2f"] {
        assert_eq!(ask("POST", path, &[]).await.status(), 200, "{path}");
    }
    for path in ["/auth%2Flogin", "/auth/login%2f", "/auth/login%", "/auth/login%zz", "/auth/x/%2e%2e/login"]
    {
        assert_eq!(ask("POST", path, &[]).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let response = ask("HEAD", "/keys/", &[]).await;
    assert_eq!((response.status(), header(&response, "content-length")), (StatusCode::OK, Some("4")));
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_an_id() {
    for (method, path, status) in [
        ("GET", "/id", 200),
        ("GET", "/nothing", 404),
        ("GET", "/auth/login", 405),
        ("GET", "/panic", 500),
        ("GET", "/forever", 503),
        ("OPTIONS", "/id", 405),
    ] {
        let response = ask(method, path, &[]).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let policy = header(&response, "content-security-policy");
        assert_eq!(policy, Some("default-src 'none'; frame-ancestors 'none'"));
        assert_eq!(header(&response, "strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(header(&response, "x-request-id"), Some("00000000-0000-0000-0000-000000000007"));
    }
}

#[tokio::test]
async fn a_refused_body_can_be_read_by_the_page_that_sent_it() {
    let request = Request::post("/auth/login").header("origin", APP).body(Body::from("eleven byte")).unwrap();
    let response = served(edge()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(header(&response, "access-control-allow-origin"), Some(APP));
    assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_handler_that_knows_better_keeps_its_own_caching() {
    assert_eq!(header(&ask("GET", "/keys", &[]).await, "cache-control"), Some("public, max-age=300"));
}

#[tokio::test]
async fn without_https_there_is_no_promise_of_https() {
    let mut edge = edge();
    edge.origins.own = "http://localhost:8000".parse().ok();
    let request = Request::get("/id").body(Body::empty()).unwrap();
    let response = served(edge).oneshot(request).await.unwrap();
    assert_eq!(header(&response, "strict-transport-security"), None);
}

#[tokio::test]
async fn only_a_listed_origin_is_told_that_it_may_read() {
    let response = ask("GET", "/id", &[("origin", APP)]).await;
    assert_eq!(header(&response, "access-control-allow-origin"), Some(APP));
    assert_eq!(header(&response, "access-control-allow-credentials"), Some("true"));
    assert!(header(&response, "access-control-expose-headers").unwrap().contains("stele-position"));
    for origin in
        ["https://evil.example", "null", "*", "https://app.example.evil.example", "http://app.example"]
    {
        let response = ask("GET", "/id", &[("origin", origin)]).await;
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(header(&response, "access-control-allow-credentials"), None, "{origin}");
        assert_eq!(header(&response, "vary"), Some("Origin"));
    }
    assert_eq!(header(&ask("GET", "/id", &[]).await, "vary"), Some("Origin"));
}

#[tokio::test]
async fn a_preflight_is_answered_without_asking_the_route() {
    let wish = ("access-control-request-method", "POST");
    let response = ask("OPTIONS", "/panic", &[("origin", APP), wish]).await;
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "access-control-allow-origin"), Some(APP));
    assert!(header(&response, "access-control-allow-methods").unwrap().contains("PATCH"));
    assert!(header(&response, "access-control-allow-headers").unwrap().contains("authorization"));
    let foreign = ask("OPTIONS", "/id", &[("origin", "https://evil.example"), wish]).await;
    assert_eq!(header(&foreign, "access-control-allow-origin"), None);
    assert_eq!(header(&foreign, "access-control-allow-methods"), None);
}

#[tokio::test]
async fn a_forged_request_is_refused_where_cookies_are_in_use_and_only_there() {
    let foreign = [("origin", "https://evil.example"), ("cookie", "auth=x")];
    let response = ask("POST", "/auth/login/", &foreign).await;
    assert_eq!(response.status(), 403);
    assert!(text(response).await.starts_with(r#"{"detail":"#));
    assert_eq!(ask("POST", "/auth/login/", &[("origin", APP)]).await.status(), 200);
    let request = Request::post("/auth/login").header("origin", "https://evil.example");
    let without_cookies = served(Edge { cookies: false, ..edge() });
    let response = without_cookies.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_handler_sees_the_id_and_the_client_behind_a_trusted_proxy() {
    let chosen = [("x-request-id", "chosen\tby the client")];
    assert_eq!(text(ask("GET", "/id", &chosen).await).await, "00000000-0000-0000-0000-000000000007");
    let request = Request::get("/client").header("x-forwarded-for", "6.6.6.6, 198.51.100.7");
    let request =
        request.extension(PeerAddress("10.0.0.1:4711".parse().unwrap())).body(Body::empty()).unwrap();
    let response = served(edge()).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "198.51.100.7");
}

/// Keeps the text of every log line and span.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut line = Line("span ".into());
        attributes.record(&mut line);
        self.0.lock().unwrap().push(line.0);
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_request_leaves_one_line_with_its_route_and_nothing_that_the_client_wrote() {
    let lines = Lines::default();
    // With one subscriber in the process, `tracing` lets a test on another thread switch the lines off for good.
    let _second = tracing::Dispatch::new(Lines::default());
    let _logging = tracing::subscriber::set_default(lines.clone());
    for path in ["/auth/confirm/secret/?token=secret", "/auth/confrm/secret", "/panic?secret"] {
        ask("GET", path, &[("user-agent", "secret"), ("authorization", "secret")]).await;
    }
    ask("SECRET", "/id", &[]).await;
    ask("GET", "/forever", &[]).now_or_never();
    let lines = lines.0.lock().unwrap().clone();
    let about = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(about("answered"), 4, "{lines:#?}");
    assert_eq!(about("span id=00000000-0000-0000-0000-000000000007"), 5, "{lines:#?}");
    assert_eq!(
        about(r#"INFO message=answered method="GET" route="/auth/confirm/{key}" status=200"#),
        1,
        "{lines:#?}"
    );
    assert_eq!(about(r#"route="no route" status=404"#), 1, "{lines:#?}");
    assert_eq!(about(r#"route="/panic" status=500"#), 1, "{lines:#?}");
    assert_eq!(about("abandoned"), 1, "a client that leaves is told of too: {lines:#?}");
    assert_eq!(about("ERROR"), 1, "a panic is logged once: {lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.to_lowercase().contains("secret")).count(), 0, "{lines:#?}");
    assert_eq!(about("on purpose"), 0, "{lines:#?}");
}
