//! A person's way through several providers, and what an auditor sees of it.

use serde_json::{Value, json};

use super::{Kind, Person, Stage};
#[cfg(feature = "kurrent")]
use crate::support::Kurrent;
use crate::support::{Account, Home, Reply, Tokens, audited, place};

#[tokio::test]
async fn a_user_connects_two_providers_leaves_one_and_comes_in_by_the_other() {
    travels(Home::new(&[])).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn on_postgres_a_user_connects_two_providers_leaves_one_and_comes_in_by_the_other() {
    travels(Home::on_postgres(&[])).await;
}

#[cfg(feature = "kurrent")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_kurrent_a_user_connects_two_providers_leaves_one_and_comes_in_by_the_other() {
    let kurrent = Kurrent::double().await;
    travels(Home::on_kurrent(kurrent.url(), &[])).await;
}

async fn travels(home: Home) {
    let [google, github] = Stage::at(home, [Kind::Google, Kind::GitHub]).await;
    let (api, there) = (google.api(), Person::named("lovelace"));
    let registered = api.post("registration/", Account::named("ada").registration()).await.expect(201);
    let ada = Tokens::of(&registered).on(&api);
    let mut steps = vec![Step::of(&registered, "user.registered.v1", json!({}))];
    for (stage, id) in [(&google, 1), (&github, 2)] {
        let reply = stage.connect(&ada, &there).await.expect(200);
        assert_eq!(reply.at("/user/username"), "ada");
        let what = json!({ "id": id, "provider": stage.kind.name() });
        steps.push(Step::of(&reply, "user.social-account-linked.v1", what));
    }
    let list = async || ada.get("socialaccounts/").await.expect(200).json();
    let listed = list().await;
    assert_eq!((&listed[0]["provider"], &listed[1]["provider"]), (&json!("google"), &json!("github")));

    let reply = ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(200);
    assert_eq!(reply.json(), json!({}));
    steps.push(Step::of(&reply, "user.social-account-unlinked.v1", json!({ "id": 1 })));
    let left = list().await;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["provider"]), (1, &json!("github")));
    ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(404);
    let by_github = github.try_login(&there).await.expect(200);
    assert_eq!(by_github.at("/user/username"), "ada");
    steps.push(Step::of(&by_github, "session.started.v1", json!({ "social": 2 })));
    // The account at the first one is nobody's now, and makes somebody of his own.
    let by_google = google.try_login(&there).await.expect(200);
    assert_eq!(by_google.at("/user/username"), "lovelace");
    for (kind, what) in [
        ("user.registered.v1", json!({})),
        ("user.social-account-linked.v1", json!({ "id": 1, "provider": "google" })),
        ("session.started.v1", json!({ "social": 1 })),
    ] {
        steps.push(Step::of(&by_google, kind, what));
    }

    are_seen(&steps, &audited(&google.server, by_google.position().unwrap()).await);
    let mails = google.server.mails().await;
    for (words, count) in [("was linked to", 2), ("was disconnected from", 1)] {
        let told = mails.iter().filter(|mail| mail.is_to("ada@example.com") && mail.text.contains(words));
        assert_eq!(told.count(), count, "{words}");
    }
    google.server.run(&["rebuild", "--check"]).succeeded();
}

/// What somebody did: the event that tells of it, with some of what that says, and where it stands at the latest.
struct Step {
    kind: &'static str,
    what: Value,
    end: u64,
}

impl Step {
    #[track_caller]
    fn of(reply: &Reply, kind: &'static str, what: Value) -> Self {
        Self { kind, what, end: reply.position().expect("a position") }
    }
}

/// Each step is one event, in this order, and there is no other event of these kinds but that a password opened a session.
#[track_caller]
fn are_seen(steps: &[Step], events: &[Value]) {
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind).collect();
    let by_password =
        |event: &Value| event["type"] == "session.started.v1" && event["data"]["social"].is_null();
    let told = events.iter().filter(|event| {
        event["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) && !by_password(event)
    });
    let told: Vec<&Value> = told.collect();
    assert_eq!(told.len(), steps.len(), "{told:#?}");
    let mut before = 0;
    for (event, step) in told.into_iter().zip(steps) {
        assert_eq!(event["type"], step.kind, "{event}");
        for (field, value) in step.what.as_object().unwrap() {
            assert_eq!(&event["data"][field], value, "{event}");
        }
        assert!((before + 1..=step.end).contains(&place(event)), "{event}");
        before = place(event);
    }
}

#[tokio::test]
async fn the_last_way_in_stays_until_there_is_a_password() {
    let stage = Stage::trusted(Kind::GitHub).await;
    let (api, there) = (stage.api(), Person::named("ada"));
    let ada = stage.login(&there).await.on(&api);
    let refused = ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(400);
    assert_eq!(refused.json(), json!({ "non_field_errors": ["Your account has no password set up."] }));
    let account = Account::named("ada");
    account.try_login(&api, "").await.expect(400);

    api.post("password/reset/", json!({ "email": "ada@example.com" })).await.expect(200);
    let (uid, token) = stage.server.reset_link("ada@example.com").await;
    let new = &account.password;
    let body = json!({ "uid": uid, "token": token, "new_password1": new, "new_password2": new });
    api.post("password/reset/confirm/", body).await.expect(200);
    let ada = account.login(&api).await.on(&api);
    ada.post("socialaccounts/1/disconnect/", json!({})).await.expect(200);
    assert_eq!(ada.get("socialaccounts/").await.expect(200).json(), json!([]));
}
