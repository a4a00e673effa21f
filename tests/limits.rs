//! How often anyone may try: each kind of attempt is counted for an account (or address) and a network, and all kinds
//! together for a network. Connections are shared out as well. Whoever is over a limit hears when to come back, and nobody elsewhere
//! is held up.

mod accounts;
mod connections;
mod kinds;
mod networks;

use serde_json::json;

use crate::support::{Caller, Reply, Server, comes_back_later};

const PROXY: (&str, &str) = ("STELE_API__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
const ENABLED: (&str, &str) = ("STELE_LIMITS__ENABLED", "true");

/// A server that counts, behind a proxy on this machine.
async fn limited(env: &[(&str, &str)]) -> Server {
    Server::start(&[&[ENABLED, PROXY], env].concat()).await
}

/// Somebody whose proxy says that he is at `address`.
fn from(server: &Server, address: &str) -> Caller {
    server.api().with("x-forwarded-for", address)
}

/// 429, with the same number in the header and in the sentence.
#[track_caller]
fn is_throttled(reply: &Reply) {
    let seconds = comes_back_later(reply, 429);
    let plural = if seconds == 1 { "" } else { "s" };
    let said = format!("Request was throttled. Expected available in {seconds} second{plural}.");
    assert_eq!(reply.json(), json!({"detail": said}));
}
