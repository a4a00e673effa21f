//! The server that the real one is held against: the same stack with nothing behind it. It reads what it is sent and
//! answers what it was told to.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, header::CONTENT_TYPE},
    routing::{get, post},
};
use tokio::net::TcpListener;

use crate::{failed::Outcome, say};

/// As many bytes as the answer to `GET user/` has.
const USER: &str =
    r#"{"pk":512,"username":"user512","email":"user512@example.org","first_name":"","last_name":""}"#;

const JSON: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];

/// Serves until the process is ended.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(format_args!("listening on http://{}", listener.local_addr()?));
    let router = Router::new()
        .route("/dj-rest-auth/token/verify/", post(|_: HeaderMap, _: Bytes| async { (JSON, "{}") }))
        .route("/dj-rest-auth/user/", get(|_: HeaderMap| async { (JSON, USER) }));
    Ok(axum::serve(listener, router).await?)
}
