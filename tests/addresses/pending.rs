//! An address that was asked for and has not answered: asked for again, exchanged for another, or dropped because the
//! password changed.

use serde_json::json;

use super::{ask, email_of, is_taken, mails_to, rival, verify};
use crate::support::{Account, Caller, NEW_PASSWORD, PASSWORD, Reply, Server};

const FIRST: &str = "first-wish@example.net";
const SECOND: &str = "second-wish@example.net";

struct Wish {
    server: Server,
    api: Caller,
    account: Account,
    user: Caller,
}

impl Wish {
    /// Someone has asked for the first address.
    async fn made() -> Self {
        let server = Server::start(&[]).await;
        let (api, account) = (server.api(), Account::named("wisher"));
        let user = account.register(&api).await.on(&api);
        ask(&user, FIRST, PASSWORD).await.expect(200);
        Self { server, api, account, user }
    }

    /// The link to the first address leads nowhere, and whoever wants the address may have it.
    async fn is_over(&self, key: &str) {
        verify(&self.api, key).await.expect(404);
        let page = self.api.request("POST", "/verify-email").form(&[("key", key)]);
        Reply::to(page).await.expect(400);
        rival("heir", FIRST).register(&self.api).await;
        verify(&self.api, key).await.expect(404);
        assert_ne!(email_of(&self.user).await, json!(FIRST));
    }
}

#[tokio::test]
async fn to_ask_twice_for_one_address_sends_the_link_twice_and_changes_it_once() {
    let wish = Wish::made().await;
    let first = wish.server.verify_key(FIRST).await;
    ask(&wish.user, FIRST, PASSWORD).await.expect(200);
    assert_eq!(mails_to(&wish.server, FIRST).await, 2);
    is_taken(&wish.api, FIRST).await;
    let second = wish.server.verify_key(FIRST).await;
    verify(&wish.api, &second).await.expect(200);
    assert_eq!(email_of(&wish.user).await, json!(FIRST));
    for spent in [first, second] {
        verify(&wish.api, &spent).await.expect(404);
    }
}

#[tokio::test]
async fn a_link_to_a_wanted_address_can_be_sent_again() {
    let wish = Wish::made().await;
    let resend = json!({"email": FIRST});
    wish.api.post("registration/resend-email/", resend).await.expect(200);
    assert_eq!(mails_to(&wish.server, FIRST).await, 2);
    verify(&wish.api, &wish.server.verify_key(FIRST).await).await.expect(200);
    assert_eq!(email_of(&wish.user).await, json!(FIRST));
}

#[tokio::test]
async fn to_ask_for_another_address_drops_the_first() {
    let wish = Wish::made().await;
    let first = wish.server.verify_key(FIRST).await;
    ask(&wish.user, SECOND, PASSWORD).await.expect(200);
    is_taken(&wish.api, SECOND).await;
    wish.is_over(&first).await;
    verify(&wish.api, &wish.server.verify_key(SECOND).await).await.expect(200);
    assert_eq!(email_of(&wish.user).await, json!(SECOND));
    rival("successor", &wish.account.email).register(&wish.api).await;
}

#[tokio::test]
async fn a_change_of_password_drops_the_wish() {
    let wish = Wish::made().await;
    let key = wish.server.verify_key(FIRST).await;
    let change = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    wish.user.post("password/change/", change).await.expect(200);
    wish.is_over(&key).await;
    ask(&wish.user, SECOND, NEW_PASSWORD).await.expect(200);
    verify(&wish.api, &wish.server.verify_key(SECOND).await).await.expect(200);
    assert_eq!(email_of(&wish.user).await, json!(SECOND));
}

#[tokio::test]
async fn a_reset_of_the_password_drops_the_wish() {
    let mut wish = Wish::made().await;
    let key = wish.server.verify_key(FIRST).await;
    wish.api.post("password/reset/", json!({"email": wish.account.email})).await.expect(200);
    let (uid, token) = wish.server.reset_link(&wish.account.email).await;
    let confirm =
        json!({"uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    wish.api.post("password/reset/confirm/", confirm).await.expect(200);
    NEW_PASSWORD.clone_into(&mut wish.account.password);
    wish.user = wish.account.login(&wish.api).await.on(&wish.api);
    wish.is_over(&key).await;
    assert_eq!(email_of(&wish.user).await, json!(wish.account.email));
}

#[tokio::test]
async fn a_wanted_address_resets_no_password() {
    let wish = Wish::made().await;
    wish.api.post("password/reset/", json!({"email": FIRST})).await.expect(200);
    assert_eq!(mails_to(&wish.server, FIRST).await, 1, "the link of the wish alone");
}
