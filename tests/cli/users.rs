//! `stele user …`: done means durable, and the next request sees it.

use serde_json::{Value, json};

use super::{failed, objects};
use crate::support::{Account, Home, PASSWORD, Ran, Server};

fn create(home: &Home, name: &str, more: &[&str], password: &str) -> Ran {
    let email = format!("{name}@example.com");
    let base = ["user", "create", "--username", name, "--email", &email, "--password-stdin"];
    home.run(&[&base[..], more].concat(), &format!("{password}\n"))
}

fn show(home: &Home, name: &str) -> Value {
    let mut found = objects(home.run(&["user", "show", name, "--json"], ""));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[tokio::test]
async fn a_created_user_logs_in_at_once_and_gets_his_mail() {
    let server = Server::start(&[("STELE_AUTH__EMAIL_VERIFICATION", "mandatory")]).await;
    let (api, home) = (server.api(), server.home());
    let ran = create(home, "verified", &["--verified"], PASSWORD);
    assert!(!format!("{ran:?}").contains(PASSWORD), "{ran:?}");
    ran.succeeded();
    Account::named("verified").login(&api).await;
    let created = objects(create(home, "waiting", &["--json"], PASSWORD)).remove(0);
    assert_eq!((&created["username"], &created["email"]), (&json!("waiting"), &json!("waiting@example.com")));
    assert_eq!(created["pk"], show(home, "waiting")["pk"]);
    let waiting = Account::named("waiting");
    waiting.try_login(&api, PASSWORD).await.expect(400);
    let key = server.verify_key(&waiting.email).await;
    api.post("registration/verify-email/", json!({"key": key})).await.expect(200);
    waiting.login(&api).await;
    let mails = server.mails().await;
    assert!(mails.iter().all(|mail| !mail.is_to("verified@example.com")), "--verified sends no mail");
}

#[tokio::test]
async fn a_user_who_may_not_be_is_not_created_and_the_reason_is_told() {
    let server = Server::start(&[]).await;
    let home = server.home();
    create(home, "taken", &[], PASSWORD).succeeded();
    for (name, password, word) in [
        ("taken", PASSWORD, "taken"),
        ("TAKEN", PASSWORD, "taken"),
        ("short", "x7", "too short"),
        ("common", "password", "too common"),
        ("empty", "", "password"),
        ("white space", PASSWORD, "username"),
    ] {
        let ran = create(home, name, &[], password);
        failed(&ran, 1, word);
        assert!(password.len() < 8 || password == "password" || !ran.stderr.contains(password), "{ran:?}");
    }
    failed(&home.run(&["user", "create", "--username", "x"], ""), 2, "--password-stdin");
    assert_eq!(objects(home.run(&["user", "list", "--json"], "")).len(), 1);
}

#[tokio::test]
async fn a_disabled_user_is_out_with_the_next_request_and_an_enabled_one_may_log_in() {
    for tokens in ["jwt", "key"] {
        let server = Server::start(&[("STELE_AUTH__TOKENS", tokens)]).await;
        let (api, account) = (server.api(), Account::named("target"));
        let user = account.register(&api).await.on(&api);
        let bystander = Account::named("bystander").register(&api).await.on(&api);
        let pk = user.get("user/").await.expect(200).json()["pk"].to_string();
        for name in [account.username.as_str(), account.email.as_str(), pk.as_str()] {
            let fresh = account.login(&api).await.on(&api);
            fresh.get("user/").await.expect(200);
            server.run(&["user", "disable", name]).succeeded();
            fresh.get("user/").await.expect(401);
            account.try_login(&api, PASSWORD).await.expect(400);
            server.run(&["user", "disable", name]).succeeded();
            server.run(&["user", "enable", name]).succeeded();
            fresh.get("user/").await.expect(401);
            account.login(&api).await;
        }
        user.get("user/").await.expect(401);
        bystander.get("user/").await.expect(200);
    }
}

#[tokio::test]
async fn users_are_shown_and_listed_for_people_and_for_programs() {
    let server = Server::start(&[]).await;
    let home = server.home();
    for name in ["ann", "bob"] {
        create(home, name, &["--verified"], PASSWORD).succeeded();
    }
    let ann = show(home, "ann@example.com");
    assert_eq!((&ann["username"], &ann["email"]), (&json!("ann"), &json!("ann@example.com")));
    assert_eq!(show(home, "ann"), ann);
    assert_eq!(show(home, &ann["pk"].to_string()), ann);
    let text = server.run(&["user", "show", "ann"]).succeeded();
    assert!(text.contains("ann@example.com") && text.contains(&ann["pk"].to_string()), "{text}");
    let listed = objects(server.run(&["user", "list", "--json"]));
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let table = server.run(&["user", "list"]).succeeded();
    assert!(table.contains("ann") && table.contains("bob@example.com"), "{table}");
    let everything = format!("{ann}{text}{table}");
    assert!(!everything.contains("argon2"), "{everything}");
}

#[tokio::test]
async fn nobody_ends_with_1_and_several_with_2() {
    let server = Server::start(&[]).await;
    let home = server.home();
    create(home, "one", &[], PASSWORD).succeeded();
    let pk = show(home, "one")["pk"].to_string();
    create(home, &pk, &[], PASSWORD).succeeded();
    for command in ["show", "disable", "enable"] {
        failed(&server.run(&["user", command, "nobody"]), 1, "nobody");
        failed(&server.run(&["user", command, &pk]), 2, &pk);
    }
    assert_eq!(server.run(&["user", "frobnicate"]).code, Some(2));
    assert_eq!(server.run(&["user", "show"]).code, Some(2));
    Account::named("one").login(&server.api()).await;
    Account::named(&pk).login(&server.api()).await;
}

#[tokio::test]
async fn users_can_be_made_before_the_first_start() {
    let home = Home::new(&[]);
    create(&home, "early", &["--verified"], PASSWORD).succeeded();
    assert_eq!(show(&home, "early")["username"], "early");
    let server = Server::at(home).await;
    Account::named("early").login(&server.api()).await;
}
