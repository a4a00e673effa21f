//! Who may not have an address: each is told why under the field at fault, nothing is mailed and nothing is held.

use serde_json::{Value, json};

use super::{CHANGE, ask, email_of, mails_to, rival, verify};
use crate::support::{Account, NEW_PASSWORD, PASSWORD, Reply, Server};

const NEW: &str = "new-place@example.net";

#[tokio::test]
async fn a_wrong_password_changes_nothing_and_is_told_under_password() {
    for tokens in ["jwt", "key"] {
        let server = Server::start(&[("STELE_AUTH__TOKENS", tokens)]).await;
        let (api, account) = (server.api(), Account::named("mover"));
        let user = account.register(&api).await.on(&api);
        let wrong = json!({"password": ["Your password was entered incorrectly. Please enter it again."]});
        assert_eq!(ask(&user, NEW, NEW_PASSWORD).await.expect(400).json(), wrong);
        api.post(CHANGE, json!({"email": NEW, "password": PASSWORD})).await.expect(401);
        assert_eq!(email_of(&user).await, json!(account.email));
        assert_eq!(mails_to(&server, NEW).await, 0);
        rival("rival", NEW).register(&api).await;
    }
}

#[tokio::test]
async fn an_address_of_someone_else_is_told_under_email_whatever_its_case_and_standing() {
    let server = Server::start(&[]).await;
    let (api, owner) = (server.api(), Account::named("owner"));
    let owner_user = owner.register(&api).await.on(&api);
    let user = Account::named("mover").register(&api).await.on(&api);
    let taken = json!({"email": ["User is already registered with this e-mail address."]});
    let shouted = owner.email.to_uppercase();
    for email in [&owner.email, &shouted] {
        assert_eq!(ask(&user, email, PASSWORD).await.expect(400).json(), taken, "{email}");
    }
    verify(&api, &server.verify_key(&owner.email).await).await.expect(200);
    assert_eq!(ask(&user, &owner.email, PASSWORD).await.expect(400).json(), taken);
    ask(&owner_user, NEW, PASSWORD).await.expect(200);
    assert_eq!(ask(&user, NEW, PASSWORD).await.expect(400).json(), taken, "someone else has asked for it");
    assert_eq!(email_of(&user).await, json!("mover@example.com"));
    assert_eq!(mails_to(&server, NEW).await, 1);
}

#[tokio::test]
async fn ones_own_address_is_told_under_email() {
    let server = Server::start(&[]).await;
    let (api, account) = (server.api(), Account::named("stayer"));
    let user = account.register(&api).await.on(&api);
    server.mails().await;
    for email in [account.email.clone(), account.email.to_uppercase(), format!("  {} ", account.email)] {
        let body = ask(&user, &email, PASSWORD).await.expect(400).json();
        assert!(fields(&body) == ["email"] && body["email"][0].is_string(), "{email}: {body}");
    }
    assert_eq!(mails_to(&server, &account.email).await, 1, "the mail of the registration and no other");
}

#[tokio::test]
async fn every_field_that_is_missing_or_wrong_is_told_at_once() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let user = Account::named("mover").register(&api).await.on(&api);
    for (body, faults) in [
        (json!({}), vec!["email", "password"]),
        (json!({"email": NEW}), vec!["password"]),
        (json!({"password": PASSWORD}), vec!["email"]),
        (json!({"email": "", "password": ""}), vec!["email", "password"]),
        (json!({"email": "no address", "password": NEW_PASSWORD}), vec!["email", "password"]),
        (json!({"email": "a@b@c.example", "password": PASSWORD}), vec!["email"]),
        (json!({"email": format!("{}@example.com", "a".repeat(400)), "password": PASSWORD}), vec!["email"]),
    ] {
        let answer = user.post(CHANGE, body.clone()).await.expect(400).json();
        assert_eq!(fields(&answer), faults, "{body}: {answer}");
    }
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        Reply::to(user.request(method, CHANGE)).await.expect(405);
    }
    assert_eq!(email_of(&user).await, json!("mover@example.com"));
}

fn fields(answer: &Value) -> Vec<&str> {
    answer.as_object().expect("faults by field").keys().map(String::as_str).collect()
}
