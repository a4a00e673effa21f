//! Addresses of users: exchanged for others only when the new one answers, given back when they are not wanted any more,
//! and lost to others where nobody ever answered at them.

mod change;
mod grace;
mod pending;
mod refusals;

use serde_json::{Value, json};

use crate::support::{Account, Caller, Reply, Server};

const CHANGE: &str = "email/change/";

/// Asks for `email` in the place of the caller's address.
async fn ask(user: &Caller, email: &str, password: &str) -> Reply {
    user.post(CHANGE, json!({"email": email, "password": password})).await
}

async fn verify(api: &Caller, key: &str) -> Reply {
    api.post("registration/verify-email/", json!({"key": key})).await
}

async fn log_in_by(api: &Caller, email: &str, password: &str) -> Reply {
    api.post("login/", json!({"email": email, "password": password})).await
}

async fn email_of(user: &Caller) -> Value {
    user.get("user/").await.expect(200).json()["email"].clone()
}

/// Somebody else, who would like to have this address.
fn rival(name: &str, email: &str) -> Account {
    Account { email: email.to_owned(), ..Account::named(name) }
}

/// A registration with this address is refused, for the address alone.
async fn is_taken(api: &Caller, email: &str) {
    let reply = api.post("registration/", rival("latecomer", email).registration()).await;
    let taken = json!({"email": ["User is already registered with this e-mail address."]});
    assert_eq!(reply.expect(400).json(), taken, "{email}");
}

/// How many mails went to this address.
async fn mails_to(server: &Server, email: &str) -> usize {
    server.mails().await.iter().filter(|mail| mail.is_to(email)).count()
}
