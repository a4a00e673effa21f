//! Whose account somebody comes into: that of the same provider and subject, never of the same address alone (SO-4), and never one
//! that somebody else has prepared for him (SO-6: the five cases of Sudhodanan and Paverd, USENIX Security 2022).

use serde_json::json;

use super::{Kind, Person, Stage, TAKEN, is_refused};
use crate::support::{Account, Home, NEW_PASSWORD, Tokens};

const VICTIM: &str = "victim@example.com";

fn victim() -> Person {
    Person::named("victim")
}

fn registered_as_victim() -> Account {
    Account { email: VICTIM.to_owned(), ..Account::named("squatter") }
}

async fn verify(stage: &Stage, email: &str) {
    let key = stage.server.verify_key(email).await;
    stage.api().post("registration/verify-email/", json!({ "key": key })).await.expect(200);
}

/// The owner of the address takes the account over, as the mail lets him.
async fn reset(stage: &Stage, email: &str) {
    stage.api().post("password/reset/", json!({ "email": email })).await.expect(200);
    let (uid, token) = stage.server.reset_link(email).await;
    let body =
        json!({ "uid": uid, "token": token, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD });
    stage.api().post("password/reset/confirm/", body).await.expect(200);
}

#[tokio::test]
async fn an_address_links_only_if_both_sides_have_verified_it_and_then_a_mail_tells_of_it() {
    let stage = Stage::trusted(Kind::GitHub).await;
    let account = Account { email: VICTIM.to_owned(), ..Account::named("owner") };
    account.register(&stage.api()).await;
    // Not here.
    is_refused(&stage.try_login(&victim()).await, TAKEN);
    verify(&stage, VICTIM).await;
    // Not there.
    let unverified = Person::named("mallory").with_email(VICTIM, false);
    is_refused(&stage.try_login(&unverified).await, TAKEN);
    // On both sides.
    let reply = stage.try_login(&victim()).await.expect(200);
    assert_eq!(reply.json()["user"]["username"], "owner");
    let mails = stage.server.mails().await;
    assert!(mails.iter().any(|mail| mail.is_to(VICTIM) && mail.text.contains("was linked to")));
    account.login(&stage.api()).await;
}

#[tokio::test]
async fn a_provider_that_the_settings_do_not_trust_links_no_address() {
    let stage = Stage::of(Kind::GitHub).await;
    Account { email: VICTIM.to_owned(), ..Account::named("owner") }.register(&stage.api()).await;
    verify(&stage, VICTIM).await;
    is_refused(&stage.try_login(&victim()).await, TAKEN);
}

#[tokio::test]
async fn somebody_is_known_by_his_subject_whatever_becomes_of_his_address() {
    let stage = Stage::trusted(Kind::GitHub).await;
    let before = stage.try_login(&victim()).await.expect(200).json()["user"]["pk"].clone();
    let moved = victim().with_email("moved@example.net", true);
    assert_eq!(stage.try_login(&moved).await.expect(200).json()["user"]["pk"], before);
    // Whoever is called like him there now is another one.
    let other = Person { subject: "7".to_owned(), ..victim().with_email("new@example.net", true) };
    assert_ne!(stage.try_login(&other).await.expect(200).json()["user"]["pk"], before);
}

#[tokio::test]
async fn an_account_there_that_lets_somebody_in_is_connected_to_nobody_else() {
    let stage = Stage::of(Kind::GitHub).await;
    let owner = stage.try_login(&victim()).await.expect(200).json()["user"]["pk"].clone();
    let thief = Account::named("thief").register(&stage.api()).await.on(&stage.api());
    let sentence = "The third-party account is already connected to a different account.";
    is_refused(&stage.connect(&thief, &victim()).await, sentence);
    assert_eq!(thief.get("socialaccounts/").await.expect(200).json(), json!([]));
    assert_eq!(stage.try_login(&victim()).await.expect(200).json()["user"]["pk"], owner);
}

#[tokio::test]
async fn nobody_disconnects_what_is_somebody_elses() {
    let stage = Stage::of(Kind::GitHub).await;
    stage.login(&victim()).await;
    let thief = Account::named("thief").register(&stage.api()).await.on(&stage.api());
    thief.post("socialaccounts/1/disconnect/", json!({})).await.expect(404);
    stage.login(&victim()).await;
}

#[tokio::test]
async fn a_session_that_has_ended_connects_nothing() {
    let stage = Stage::of(Kind::GitHub).await;
    let tokens = Account::named("ada").register(&stage.api()).await;
    let ada = tokens.on(&stage.api());
    ada.post("logout/", json!({ "refresh": tokens.refresh() })).await.expect(200);
    stage.connect(&ada, &victim()).await.expect(401);
}

#[tokio::test]
async fn a_disabled_user_is_not_let_in() {
    let stage = Stage::of(Kind::GitHub).await;
    stage.login(&victim()).await;
    stage.server.run(&["user", "disable", "victim"]).succeeded();
    is_refused(&stage.try_login(&victim()).await, "Unable to log in with provided credentials.");
}

/// 1: somebody registers the address before its owner comes by a provider (classic-federated merge).
#[tokio::test]
async fn an_account_that_somebody_made_of_a_foreign_address_is_not_merged_with_its_owners() {
    let stage = Stage::trusted(Kind::GitHub).await;
    let squatter = registered_as_victim();
    squatter.register(&stage.api()).await;
    is_refused(&stage.try_login(&victim()).await, TAKEN);
    reset(&stage, VICTIM).await;
    squatter.try_login(&stage.api(), &squatter.password).await.expect(400);
    verify_again(&stage).await;
    let owner = stage.try_login(&victim()).await.expect(200);
    let listed = Tokens::of(&owner).on(&stage.api()).get("socialaccounts/").await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

async fn verify_again(stage: &Stage) {
    stage.api().post("registration/resend-email/", json!({ "email": VICTIM })).await.expect(200);
    verify(stage, VICTIM).await;
}

/// 2: he stays logged in (unexpired session).
#[tokio::test]
async fn a_session_from_before_the_owner_took_over_is_dead() {
    let stage = Stage::of(Kind::GitHub).await;
    let mallory = Person::named("mallory").with_email(VICTIM, false);
    let session = stage.login(&mallory).await;
    reset(&stage, VICTIM).await;
    session.on(&stage.api()).get("user/").await.expect(401);
    session.try_refresh(&stage.api()).await.expect(401);
}

/// 3: he links an account of his own to it (Trojan identifier).
#[tokio::test]
async fn an_account_that_was_linked_before_the_address_was_verified_is_gone_once_the_owner_took_over() {
    let stage = Stage::of(Kind::GitHub).await;
    let squatter = registered_as_victim().register(&stage.api()).await.on(&stage.api());
    let mallory = Person::named("mallory").with_email("mallory@example.net", true);
    stage.connect(&squatter, &mallory).await.expect(200);
    let before = stage.try_login(&mallory).await.expect(200).json()["user"]["pk"].clone();
    // Even if the owner opens the first mail that he gets.
    verify(&stage, VICTIM).await;
    reset(&stage, VICTIM).await;
    let after = stage.try_login(&mallory).await.expect(200).json()["user"].clone();
    assert_ne!(after["pk"], before, "he comes into an account of his own");
    let owner = Account { password: NEW_PASSWORD.to_owned(), ..registered_as_victim() };
    let owner = owner.login(&stage.api()).await.on(&stage.api());
    assert_eq!(owner.get("socialaccounts/").await.expect(200).json(), json!([]));
    let mails = stage.server.mails().await;
    let told = mails.iter().filter(|mail| mail.is_to(VICTIM) && mail.text.contains("was disconnected from"));
    assert_eq!(told.count(), 1);
}

/// 4: he has asked for another address and keeps the link (unexpired change of address).
#[tokio::test]
async fn an_address_that_was_asked_for_before_the_owner_took_over_takes_nothing_away() {
    let stage = Stage::of(Kind::GitHub).await;
    let account = registered_as_victim();
    let squatter = account.register(&stage.api()).await.on(&stage.api());
    let body = json!({ "email": "mallory@example.net", "password": account.password });
    squatter.post("email/change/", body).await.expect(200);
    let kept = stage.server.verify_key("mallory@example.net").await;
    reset(&stage, VICTIM).await;
    stage.api().post("registration/verify-email/", json!({ "key": kept })).await.expect(404);
    let owner = Account { password: NEW_PASSWORD.to_owned(), ..account };
    let user = owner.login(&stage.api()).await.on(&stage.api()).get("user/").await.expect(200).json();
    assert_eq!(user["email"], VICTIM);
}

/// 5: he comes by a provider that lets him claim any address (non-verifying provider).
#[tokio::test]
async fn an_address_that_a_provider_did_not_verify_is_not_verified_here_and_its_owner_gets_the_account() {
    let stage = Stage::trusted(Kind::GitHub).await;
    let mallory = Person::named("mallory").with_email(VICTIM, false);
    let before = stage.try_login(&mallory).await.expect(200).json()["user"]["pk"].clone();
    is_refused(&stage.try_login(&victim()).await, TAKEN);
    reset(&stage, VICTIM).await;
    assert_ne!(
        stage.try_login(&mallory.clone().without_email()).await.expect(200).json()["user"]["pk"],
        before
    );
}

#[tokio::test]
async fn an_address_is_verified_only_by_a_provider_that_vouches_and_is_trusted() {
    let mut home = Home::new(&[]);
    for kind in [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Oidc] {
        home.set(&kind.setting("TRUST_EMAIL"), "true");
    }
    let all = [Kind::Google, Kind::GitHub, Kind::Facebook, Kind::Oidc, Kind::Twitter];
    for stage in Stage::at(home, all).await {
        let (kind, sure) = (stage.kind, stage.somebody());
        stage.login(&sure).await;
        // Facebook does not say, and Twitter is not trusted.
        let links = usize::from(matches!(kind, Kind::Facebook | Kind::Twitter));
        assert_eq!(links_to(&stage, &sure.emails[0].0).await, links, "{kind:?}");
        let address = format!("unsure@{}.example", kind.name());
        stage.login(&Person::named("unsure").with_email(&address, false)).await;
        assert_eq!(links_to(&stage, &address).await, 1, "{kind:?}");
    }
}

async fn links_to(stage: &Stage, email: &str) -> usize {
    stage.server.mails().await.iter().filter(|mail| mail.is_to(email) && mail.verify_key().is_some()).count()
}

#[tokio::test]
async fn whoever_came_in_by_an_account_is_out_when_it_is_disconnected() {
    let stage = Stage::of(Kind::GitHub).await;
    let owner = Account::named("owner").register(&stage.api()).await.on(&stage.api());
    let thief = Person::named("thief");
    stage.connect(&owner, &thief).await.expect(200);
    let stolen = Tokens::of(&stage.try_login(&thief).await.expect(200));
    owner.post("socialaccounts/1/disconnect/", json!({})).await.expect(200);
    stolen.on(&stage.api()).get("user/").await.expect(401);
    stolen.try_refresh(&stage.api()).await.expect(401);
    owner.get("user/").await.expect(200);
}
