//! What a hostile or broken client sends, to every endpoint in both token modes: the contract's answer or a 4xx in JSON,
//! never a 5xx, never a changed state, never a secret in the answer.

mod bodies;
mod duplicates;
mod endpoints;
mod framing;
mod passwords;
mod tokens;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

use crate::support::{Account, Caller, Reply, Server, Tokens};

const MODES: [&str; 2] = ["jwt", "key"];

/// A server with one user in it, and all that could change about him.
struct Scene {
    server: Server,
    account: Account,
    user: Caller,
    /// The header that shows who the user is.
    authorization: String,
    before: (i64, Value),
}

impl Scene {
    async fn set(tokens: &str) -> Self {
        let server = Server::start(&[("STELE_AUTH__TOKENS", tokens)]).await;
        let account = Account::named("untouched");
        let tokens = account.register(&server.api()).await;
        let authorization = match &tokens {
            Tokens::Key(key) => format!("Token {key}"),
            Tokens::Pair { access, .. } => format!("Bearer {access}"),
        };
        let user = tokens.on(&server.api());
        let before = state(&server, &user).await;
        Self { server, account, user, authorization, before }
    }

    /// Nothing was recorded since the start, and the user can still do what he could.
    async fn is_as_before(&self) {
        assert_eq!(state(&self.server, &self.user).await, self.before);
        self.account.login(&self.server.api()).await;
    }
}

/// The number of events in the log once it is at rest, and the user as he sees himself.
async fn state(server: &Server, user: &Caller) -> (i64, Value) {
    (events(server).await, user.get("user/").await.expect(200).json())
}

/// The number of events in the log once it is at rest.
async fn events(server: &Server) -> i64 {
    server.mails().await;
    let file = server.home().data().join("log.db");
    let mut log = SqliteConnectOptions::new().filename(file).read_only(true).connect().await.unwrap();
    sqlx::query("select count(*) from events").fetch_one(&mut log).await.unwrap().get(0)
}

/// Refused with a JSON body that repeats none of the secrets sent; otherwise what is wrong with the answer.
fn complaint(reply: &Reply, secrets: &[&str]) -> Option<String> {
    let shown = format!("{} {:.200}", reply.status, reply.text);
    if !(400..500).contains(&reply.status) {
        return Some(format!("not refused: {shown}"));
    }
    if serde_json::from_str::<Value>(&reply.text).is_err() {
        return Some(format!("not JSON: {shown}"));
    }
    secrets.iter().any(|secret| reply.text.contains(secret)).then(|| format!("repeats a secret: {shown}"))
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
