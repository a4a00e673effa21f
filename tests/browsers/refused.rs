//! Logins that somebody tampers with, or that end badly: nobody is let in, and the front end hears why in a word.

use std::{rc::Rc, time::Duration};

use serde_json::json;

use super::{BY_BROWSER, Sent, Stage, handed_over, home_with, told};
use crate::support::{
    Reply, Server,
    providers::{Act, Kind, Person, Provider, Signing},
    together,
};

/// A stage with somebody who may log in.
async fn stage(kind: Kind) -> (Stage, Person) {
    let (stage, person) = (Stage::set(kind).await, Person::named("ada"));
    stage.provider.has(&person);
    (stage, person)
}

/// A page that says so, and that nothing of what came is in.
#[track_caller]
fn is_dead(reply: &Reply) {
    assert_eq!(reply.status, 400, "{reply:?}");
    assert!(
        reply.text.contains("can't be finished") || reply.text.contains("can&#x27;t be finished"),
        "{reply:?}"
    );
    assert!(reply.header("location").is_none());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    assert!(
        reply
            .header("content-security-policy")
            .is_some_and(|policy| policy.contains("frame-ancestors 'none'"))
    );
}

/// Whether nobody was signed up.
async fn is_empty(stage: &Stage) -> bool {
    let kinds: Vec<String> =
        stage.server.home().log().events().await.into_iter().map(|event| event.kind).collect();
    !kinds.iter().any(|kind| kind.starts_with("user.") || kind.starts_with("session."))
}

#[tokio::test]
async fn so_1_only_the_browser_that_was_sent_comes_back() {
    let (stage, person) = stage(Kind::Google).await;
    let api = stage.server.api();
    let (mine, forgers) = (stage.begin().await, stage.begin().await);
    let path = stage.back(&mine, &person).await;
    let own = mine.asked("state");
    is_dead(&api.get(&path).await);
    is_dead(&forgers.on(&api).get(&path).await);
    is_dead(&mine.on(&api).get(&path.replace(&own, &forgers.asked("state"))).await);
    is_dead(&mine.on(&api).get(&path.replace(&own, "")).await);
    is_dead(&mine.on(&api).get(&path.replace("state=", "other=")).await);
    let both = format!("{}; {}", forgers.cookie, mine.cookie);
    is_dead(&api.with("cookie", &both).get(&path).await);
    let bent = format!("{}A", mine.cookie);
    is_dead(&api.with("cookie", &bent).get(&path).await);
    assert!(stage.provider.seen("/token").is_empty(), "no code was shown to the provider");
    handed_over(&mine.on(&api).get(&path).await);
}

#[tokio::test]
async fn so_1_what_one_provider_was_asked_another_does_not_answer() {
    let [google, github] = Stage::set_all([Kind::Google, Kind::GitHub]).await;
    let (person, mine) = (google.somebody(), google.begin().await);
    let path = google.back(&mine, &person).await;
    is_dead(&mine.on(&google.server.api()).get(&path.replace("/google/", "/github/")).await);
    mine.on(&google.server.api()).get(&path.replace("/google/", "/facebook/")).await.expect(404);
    assert!(github.provider.seen("/login/oauth/access_token").is_empty(), "no code is shown to another one");
}

#[tokio::test]
async fn so_1_an_answer_in_the_name_of_another_issuer_is_refused() {
    let (stage, person) = stage(Kind::Oidc).await;
    let mine = stage.begin().await;
    let path = stage.back(&mine, &person).await;
    let (own, _) = path.split_once("iss=").expect("it says who sends it");
    let reply = mine.on(&stage.server.api()).get(&format!("{own}iss=https%3A%2F%2Fevil.test")).await;
    assert_eq!(told(&reply, "error"), "failed");
    assert!(stage.provider.seen("/token").is_empty(), "no code was shown to the provider");
}

#[tokio::test]
async fn so_1_an_issuer_that_promises_to_say_who_sends_an_answer_is_held_to_it() {
    for (promises, outcome) in [(true, "error"), (false, "code")] {
        let (stage, person) = stage(Kind::Oidc).await;
        stage.provider.alter("/.well-known/openid-configuration", move |told| {
            told["authorization_response_iss_parameter_supported"] = json!(promises);
        });
        let mine = stage.begin().await;
        let path = stage.back(&mine, &person).await;
        let (silent, _) = path.split_once("&iss=").expect("it says who sends it, as the last");
        let reply = mine.on(&stage.server.api()).get(silent).await;
        assert!(!told(&reply, outcome).is_empty(), "{promises}: {reply:?}");
        assert_eq!(stage.provider.seen("/token").is_empty(), promises, "whether the code was shown");
    }
}

#[tokio::test]
async fn so_1_a_code_that_was_given_for_another_login_is_worth_nothing() {
    // Where no nonce would tell.
    let (stage, person) = stage(Kind::GitHub).await;
    let api = stage.server.api();
    let (mine, others) = (stage.begin().await, stage.begin().await);
    let stolen = stage.back(&others, &person).await.replace(&others.asked("state"), &mine.asked("state"));
    assert_eq!(told(&mine.on(&api).get(&stolen).await, "error"), "failed", "the verifier is another one's");
    assert!(is_empty(&stage).await);
}

#[tokio::test]
async fn so_1_an_id_token_that_answers_another_request_lets_nobody_in() {
    for stage in Stage::set_all([Kind::Google, Kind::Oidc]).await {
        let (kind, person) = (stage.kind, stage.somebody());
        for bend in ["missing", "another"] {
            stage.provider.bend_id_tokens(move |token| match bend {
                "missing" => drop(token.claims.as_object_mut().unwrap().remove("nonce")),
                _ => token.claims["nonce"] = json!("another"),
            });
            let mine = stage.begin().await;
            let path = stage.back(&mine, &person).await;
            let reply = mine.on(&stage.server.api()).get(&path).await;
            assert_eq!(told(&reply, "error"), "failed", "{kind:?} {bend}");
        }
        stage.provider.bend_id_tokens(|token| token.signing = Signing::None);
        let mine = stage.begin().await;
        let path = stage.back(&mine, &person).await;
        assert_eq!(told(&mine.on(&stage.server.api()).get(&path).await, "error"), "failed");
        stage.provider.alter("/token", |body| drop(body.as_object_mut().unwrap().remove("id_token")));
        let mine = stage.begin().await;
        let path = stage.back(&mine, &person).await;
        assert_eq!(told(&mine.on(&stage.server.api()).get(&path).await, "error"), "failed");
        assert!(is_empty(&stage).await);
    }
}

#[tokio::test]
async fn so_5_a_callback_works_once_and_so_does_what_it_leaves() {
    let (mut stage, person) = stage(Kind::GitHub).await;
    let mine = stage.begin().await;
    let path = stage.back(&mine, &person).await;
    let code = handed_over(&mine.on(&stage.server.api()).get(&path).await);
    is_dead(&mine.on(&stage.server.api()).get(&path).await);
    let again = format!("/social/github/callback?state={}&error=access_denied", mine.asked("state"));
    is_dead(&mine.on(&stage.server.api()).get(&again).await);
    assert_eq!(stage.provider.seen("/login/oauth/access_token").len(), 1);
    stage.restart().await;
    is_dead(&mine.on(&stage.server.api()).get(&path).await);
    let body = json!({"code": code});
    stage.server.api().post("/social/login/", body.clone()).await.expect(200);
    stage.server.api().post("/social/login/", body.clone()).await.expect(400);
    stage.restart().await;
    stage.server.api().post("/social/login/", body).await.expect(400);
}

#[tokio::test]
async fn so_5_of_many_who_bring_the_same_one_is_let_in() {
    let (stage, person) = stage(Kind::GitHub).await;
    let mine = stage.begin().await;
    let path = stage.back(&mine, &person).await;
    let callers = (0..8).map(|_| (mine.on(&stage.server.api()), path.clone()));
    let replies = together(callers.map(|(api, path)| async move { api.get(&path).await })).await;
    let mut codes: Vec<_> = replies.iter().filter(|reply| reply.status == 303).map(handed_over).collect();
    assert_eq!(codes.len(), 1, "{replies:?}");
    let code = codes.remove(0);
    let callers = (0..8).map(|_| (stage.server.api(), json!({"code": code})));
    let replies =
        together(callers.map(|(api, body)| async move { api.post("/social/login/", body).await })).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
}

#[tokio::test]
async fn a_code_that_stele_did_not_give_opens_nothing() {
    let (stage, person) = stage(Kind::GitHub).await;
    let (api, mine) = (stage.server.api(), stage.begin().await);
    let intent = mine.cookie.split_once('=').unwrap().1;
    for code in ["", "x", intent] {
        api.post("/social/login/", json!({"code": code})).await.expect(400);
    }
    let code = stage.code(&mine, &person).await;
    api.post("/social/login/", json!({"code": code, "code_verifier": "v"})).await.expect(400);
    api.post("/social/login/", json!({"code": code})).await.expect(200);
}

#[tokio::test]
async fn a_person_who_declines_is_sent_to_the_front_end() {
    for stage in Stage::set_all(BY_BROWSER).await {
        let mine = stage.begin().await;
        let path = stage.declined(&mine).await;
        let reply = mine.on(&stage.server.api()).get(&path).await;
        assert_eq!(told(&reply, "error"), "access_denied");
        assert!(reply.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    }
}

#[tokio::test]
async fn what_a_provider_says_of_an_error_is_not_passed_on() {
    let (stage, _) = stage(Kind::GitHub).await;
    let mine = stage.begin().await;
    let said = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%0D%0Ax%3A%20y";
    let path = format!(
        "/social/github/callback?state={}&error={said}&error_description={said}",
        mine.asked("state")
    );
    let reply = mine.on(&stage.server.api()).get(&path).await;
    assert_eq!(told(&reply, "error"), "failed");
    assert!(!format!("{reply:?}").contains("script"), "{reply:?}");
    let dead = stage.server.api().get(&path).await;
    is_dead(&dead);
    assert!(!dead.text.contains("script"));
}

#[tokio::test]
async fn a_front_end_hears_that_somebody_tries_too_often() {
    let limits = [("STELE_LIMITS__ENABLED", "true"), ("STELE_LIMITS__SOCIAL", "1/1h")];
    let provider = Provider::start(Kind::GitHub).await;
    let server = Server::at(home_with(Kind::GitHub, &provider, &limits)).await;
    let stage = Stage::with(Kind::GitHub, provider, Rc::new(server));
    let person = stage.somebody();
    stage.code(&stage.begin().await, &person).await;
    let mine = stage.begin().await;
    let path = stage.back(&mine, &person).await;
    assert_eq!(told(&mine.on(&stage.server.api()).get(&path).await, "error"), "throttled");
    assert_eq!(stage.provider.seen("/login/oauth/access_token").len(), 1);
}

#[tokio::test]
async fn a_front_end_hears_whether_it_is_worth_trying_again() {
    let acts = [
        (Act::Status(500), "unavailable"),
        (Act::Drop, "unavailable"),
        (Act::Malformed, "unavailable"),
        (Act::Huge, "unavailable"),
        (Act::Redirect("http://127.0.0.1:9/".to_owned()), "unavailable"),
        (Act::Status(400), "failed"),
    ];
    let (stage, person) = stage(Kind::GitHub).await;
    for (act, word) in acts {
        let what = format!("{act:?}");
        stage.provider.misbehave("/login/oauth/access_token", act);
        let mine = stage.begin().await;
        let path = stage.back(&mine, &person).await;
        assert_eq!(told(&mine.on(&stage.server.api()).get(&path).await, "error"), word, "{what}");
    }
    stage.provider.misbehave("/login/oauth/access_token", Act::Hang);
    let mine: Sent = stage.begin().await;
    let path = stage.back(&mine, &person).await;
    let waited = tokio::time::timeout(Duration::from_secs(30), mine.on(&stage.server.api()).get(&path)).await;
    assert_eq!(told(&waited.expect("an answer"), "error"), "unavailable");
    assert!(is_empty(&stage).await);
}
