//! For how long an address that never answered is safe from others: for as long as its link lives, and for ever where nobody
//! is asked to answer.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ask, email_of, is_taken, log_in_by, rival, verify};
use crate::support::{Account, Caller, PASSWORD, Server, wait_for};

/// Long enough for a mail to arrive and be answered.
const TTL: Duration = Duration::from_secs(10);
const SETTING: (&str, &str) = ("STELE_AUTH__VERIFY_TTL", "10s");
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks for `email` again and again until it is given, which must not be within the time that began at `start`.
async fn is_given_in_the_end(api: &Caller, email: &str, start: Instant) -> Account {
    let heir = rival("heir", email);
    wait_for("the address is given to another", PATIENCE, async || {
        let reply = api.post("registration/", heir.registration()).await;
        assert!(matches!(reply.status, 201 | 400), "{reply:?}");
        (reply.status == 201).then_some(())
    })
    .await;
    assert!(start.elapsed() >= TTL, "it was taken from its holder after {:?}", start.elapsed());
    heir
}

#[tokio::test]
async fn an_address_that_never_answered_goes_to_another_when_its_link_is_dead() {
    let server = Server::start(&[SETTING]).await;
    let (api, account) = (server.api(), Account::named("silent"));
    let verified = Account::named("verified");
    verified.register(&api).await;
    verify(&api, &server.verify_key(&verified.email).await).await.expect(200);
    let start = Instant::now();
    let user = account.register(&api).await.on(&api);
    let key = server.verify_key(&account.email).await;
    let heir = is_given_in_the_end(&api, &account.email, start).await;
    assert_ne!(email_of(&user).await, json!(account.email), "an address has one holder");
    assert_eq!(log_in_by(&api, &heir.email, PASSWORD).await.expect(200).at("/user/username"), heir.username);
    verify(&api, &key).await.expect(404);
    account.login(&api).await;
    is_taken(&api, &verified.email).await;
}

#[tokio::test]
async fn a_wanted_address_goes_to_another_when_its_link_is_dead() {
    let server = Server::start(&[SETTING]).await;
    let (api, account) = (server.api(), Account::named("wisher"));
    let user = account.register(&api).await.on(&api);
    verify(&api, &server.verify_key(&account.email).await).await.expect(200);
    let start = Instant::now();
    ask(&user, "wish@example.net", PASSWORD).await.expect(200);
    let key = server.verify_key("wish@example.net").await;
    is_given_in_the_end(&api, "wish@example.net", start).await;
    verify(&api, &key).await.expect(404);
    assert_eq!(email_of(&user).await, json!(account.email));
}

#[tokio::test]
async fn where_nobody_verifies_an_address_it_stays_with_its_holder() {
    let ttl = Duration::from_secs(2);
    let settings = [("STELE_AUTH__VERIFY_TTL", "2s"), ("STELE_AUTH__EMAIL_VERIFICATION", "none")];
    let server = Server::start(&settings).await;
    let (api, account) = (server.api(), Account::named("silent"));
    let start = Instant::now();
    let user = account.register(&api).await.on(&api);
    wait_for("a link would be long dead", PATIENCE, async || {
        is_taken(&api, &account.email).await;
        (start.elapsed() > ttl * 2).then_some(())
    })
    .await;
    is_taken(&api, &account.email).await;
    assert_eq!(email_of(&user).await, json!(account.email));
}
