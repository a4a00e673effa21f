//! Passwords of ten thousand characters: too long to be set where the contract has a limit, never cut, and no trouble where
//! they are only compared.

use serde_json::{Value, json};

use super::bodies::{JSON, LONG};
use super::endpoints::{self, Endpoint};
use super::{MODES, Scene, complaint, none};
use crate::support::{Account, NEW_PASSWORD, Server};

/// Long, and else a good password.
fn long() -> String {
    "Corr3ct-horse ".repeat(LONG / 14 + 1).chars().take(LONG - 1).chain(['x']).collect()
}

#[tokio::test]
async fn a_very_long_password_is_refused_wherever_one_is_compared_or_set_anew() {
    for mode in MODES {
        let scene = Scene::set(mode).await;
        let mut complaints = Vec::new();
        for endpoint in endpoints::all(mode).iter().filter(|endpoint| endpoint.path != "registration/") {
            let fields = endpoint.fields.iter().map(|(field, _)| *field);
            for field in fields.filter(|field| Endpoint::takes_any_length(field)) {
                for password in [long(), "é".repeat(LONG), "\u{1f40e}".repeat(LONG)] {
                    let body = endpoint.with(field, &json!(password)).to_string().into_bytes();
                    let reply = scene.send(endpoint, JSON, body).await;
                    let about = format!("{mode}: {} {field}", endpoint.path);
                    let wrong = complaint(&reply, &[&password]);
                    complaints.extend(wrong.map(|wrong| format!("{about}: {wrong}")));
                }
            }
        }
        none(&complaints);
        let wrong = scene.account.try_login(&scene.server.api(), &long()).await;
        assert_eq!((wrong.status, complaint(&wrong, &[&long()])), (400, None));
        let changed = json!({"email": "new@example.net", "password": long()});
        let reply = scene.user.post("email/change/", changed).await.expect(400);
        assert_eq!(faults(&reply.json()), ["password"]);
        // The login that failed is an event by itself.
        assert_eq!(scene.user.get("user/").await.expect(200).json(), scene.before.1);
        scene.account.login(&scene.server.api()).await;
    }
}

#[tokio::test]
async fn the_fields_that_are_too_long_are_named() {
    let server = Server::start(&[("STELE_AUTH__OLD_PASSWORD_REQUIRED", "true")]).await;
    let (api, account) = (server.api(), Account::named("owner"));
    let user = account.register(&api).await.on(&api);
    let body = json!({"old_password": long(), "new_password1": long(), "new_password2": NEW_PASSWORD});
    let reply = user.post("password/change/", body).await.expect(400).json();
    assert_eq!(faults(&reply), ["old_password", "new_password1"]);
    for fault in ["old_password", "new_password1"] {
        assert_eq!(reply[fault], json!(["Ensure this field has no more than 128 characters."]));
    }
    account.login(&api).await;
}

fn faults(answer: &Value) -> Vec<&str> {
    answer.as_object().expect("faults by field").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_very_long_password_of_a_registration_counts_to_its_last_character() {
    let server = Server::start(&[]).await;
    let (api, password) = (server.api(), long());
    let account = Account { password: password.clone(), ..Account::named("wordy") };
    account.register(&api).await;
    account.login(&api).await;
    for other in [&password[..LONG - 1], &password[..72], &password[..128], &format!("{password}x")] {
        account.try_login(&api, other).await.expect(400);
    }
}
