//! A change of address from the wish to the new address: in both token modes, by the endpoint and by the page.

use serde_json::json;

use super::{ask, email_of, is_taken, log_in_by, rival, verify};
use crate::support::{Account, Caller, PASSWORD, Reply, Server};

const NEW: &str = "new-place@example.net";

/// Where the key of the link is brought back.
#[derive(Clone, Copy, Debug)]
enum Door {
    Endpoint,
    Page,
}

impl Door {
    /// The status that a dead link is answered with.
    const fn refusal(self) -> u16 {
        match self {
            Self::Endpoint => 404,
            Self::Page => 400,
        }
    }

    async fn bring(self, api: &Caller, key: &str) -> Reply {
        match self {
            Self::Endpoint => verify(api, key).await,
            Self::Page => Reply::to(api.request("POST", "/verify-email").form(&[("key", key)])).await,
        }
    }
}

async fn holds_the_old_address(api: &Caller, user: &Caller, account: &Account) {
    assert_eq!(email_of(user).await, json!(account.email));
    log_in_by(api, &account.email, PASSWORD).await.expect(200);
    log_in_by(api, NEW, PASSWORD).await.expect(400);
}

#[tokio::test]
async fn an_address_changes_when_the_link_to_the_new_one_is_used_and_not_before() {
    for (tokens, door) in
        [("jwt", Door::Endpoint), ("key", Door::Endpoint), ("jwt", Door::Page), ("key", Door::Page)]
    {
        let server = Server::start(&[("STELE_AUTH__TOKENS", tokens)]).await;
        let (api, account) = (server.api(), Account::named("mover"));
        let user = account.register(&api).await.on(&api);
        let first_key = server.verify_key(&account.email).await;
        let asked = ask(&user, NEW, PASSWORD).await.expect(200);
        assert_eq!(asked.json(), json!({"detail": "Verification e-mail sent."}), "{door:?}");
        holds_the_old_address(&api, &user, &account).await;

        let key = server.verify_key(NEW).await;
        was_told_without_a_link(&server, &account).await;
        api.get(&format!("/verify-email?key={key}")).await.expect(200);
        holds_the_old_address(&api, &user, &account).await;
        is_taken(&api, NEW).await;

        door.bring(&api, &key).await.expect(200);
        assert_eq!(email_of(&user).await, json!(NEW), "{door:?}");
        log_in_by(&api, NEW, PASSWORD).await.expect(200);
        log_in_by(&api, &account.email, PASSWORD).await.expect(400);
        account.login(&api).await;
        is_taken(&api, NEW).await;
        for spent in [&key, &first_key] {
            door.bring(&api, spent).await.expect(door.refusal());
        }
        assert_eq!(email_of(&user).await, json!(NEW), "{door:?}");
        rival("successor", &account.email).register(&api).await;
    }
}

/// By a mail to the address that he has, which says what was asked for and leads nowhere.
async fn was_told_without_a_link(server: &Server, account: &Account) {
    let mails = server.mails().await;
    let notice = mails.iter().rfind(|mail| mail.is_to(&account.email)).expect("a mail to the old address");
    assert!(notice.text.contains("address") && notice.links().is_empty(), "{}", notice.text);
    assert!(!notice.source.contains("key=") && !notice.html.contains("key="), "{}", notice.source);
}

#[tokio::test]
async fn a_changed_address_counts_as_verified_and_is_where_mails_go() {
    let server = Server::start(&[("STELE_AUTH__EMAIL_VERIFICATION", "mandatory")]).await;
    let (api, account) = (server.api(), Account::named("mover"));
    api.post("registration/", account.registration()).await.expect(201);
    verify(&api, &server.verify_key(&account.email).await).await.expect(200);
    let user = account.login(&api).await.on(&api);
    ask(&user, NEW, PASSWORD).await.expect(200);
    verify(&api, &server.verify_key(NEW).await).await.expect(200);
    log_in_by(&api, NEW, PASSWORD).await.expect(200);
    let before = super::mails_to(&server, &account.email).await;
    api.post("password/reset/", json!({"email": NEW})).await.expect(200);
    server.reset_link(NEW).await;
    api.post("password/reset/", json!({"email": account.email})).await.expect(200);
    assert_eq!(super::mails_to(&server, &account.email).await, before, "nobody has the old address");
}

#[tokio::test]
async fn a_change_of_address_outlives_a_restart_before_and_after_the_link() {
    let mut server = Server::start(&[]).await;
    let account = Account::named("mover");
    let tokens = account.register(&server.api()).await;
    ask(&tokens.on(&server.api()), NEW, PASSWORD).await.expect(200);
    server.kill9();
    server.restart().await;
    is_taken(&server.api(), NEW).await;
    let key = server.verify_key(NEW).await;
    verify(&server.api(), &key).await.expect(200);
    server.kill9();
    server.restart().await;
    let api = server.api();
    assert_eq!(email_of(&tokens.on(&api)).await, json!(NEW));
    log_in_by(&api, NEW, PASSWORD).await.expect(200);
    rival("successor", &account.email).register(&api).await;
}
