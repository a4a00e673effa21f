//! A front end of somebody else, at an address of its own: begins logins and finishes them, as docs/social.md tells to.

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use tokio::{net::TcpListener, task::AbortHandle};

const PAGE: &str = include_str!("front.html");

/// Before it knows which Stele it is for: Stele wants to know of it first.
pub(super) struct Front {
    listener: TcpListener,
}

pub(super) struct Running(AbortHandle);

impl Front {
    pub(super) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port is free") }
    }

    /// Under a name of its own, which browsers take for this machine and trust.
    pub(super) fn origin(&self) -> String {
        format!("http://app.localhost:{}", self.listener.local_addr().unwrap().port())
    }

    pub(super) fn serve(self, stele: &str) -> Running {
        let page = PAGE.replace("STELE", &format!("http://{stele}"));
        let answer = move || async move { ([(CONTENT_TYPE, "text/html; charset=utf-8")], page) };
        let served = axum::serve(self.listener, Router::new().fallback(get(answer)));
        Running(tokio::spawn(async move { served.await.unwrap() }).abort_handle())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
