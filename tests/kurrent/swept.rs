//! A process that is killed between the claims of a registration and the birth of its user, and another that is killed while it
//! sweeps: a minute later the names are free, and nobody had to ask for them.

use std::time::Duration;

use kurrent_double::{Call, Fault};
use serde_json::Value;

use super::whole::{count, whole_log};
use crate::support::{Account, Home, Kurrent, Reply, Server, wait_for};

const SOON: Duration = Duration::from_mins(1);
/// Longer than anybody here waits.
const HELD_UP: Duration = Duration::from_mins(10);
/// In seconds; what nobody followed up is left behind by then.
const LATER: i64 = 90;

/// Kills the server when it has sent the next append to streams of this kind, which comes to nothing.
async fn kill_at_append(kurrent: &Kurrent, server: &mut Server, kind: &str, act: impl Future<Output = ()>) {
    let before = kurrent.served(Call::Append, kind);
    kurrent.fail(Call::Append, Fault::DelayBefore(HELD_UP), 1, kind);
    act.await;
    wait_for("the append is under way", SOON, async || {
        (kurrent.served(Call::Append, kind) > before).then_some(())
    })
    .await;
    server.kill9();
    kurrent.is_well_again();
}

async fn is_swept(server: &Server) {
    let api = server.api();
    wait_for("the sweeper is done", SOON, async || {
        let health = api.get("/health/ready").await.json();
        (health.pointer("/parts/sweeper/lag").and_then(Value::as_u64) == Some(0)).then_some(())
    })
    .await;
}

fn seconds(event: &Value) -> i64 {
    let time: jiff::Timestamp = event["recorded_at"].as_str().unwrap().parse().unwrap();
    time.as_second()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs faketime (apt-get install faketime); ./test runs it where it is"]
async fn what_kills_left_behind_is_free_again_a_minute_later_without_anybody_asking_for_it() {
    let kurrent = Kurrent::double().await;
    let mut home = Home::on_kurrent(kurrent.url(), &[("STELE_AUTH__EMAIL_VERIFICATION", "none")]);
    home.let_clock_be_set();
    home.set_clock(0);
    let mut server = Server::at(home).await;
    let (early, lost) = (Account::named("early"), Account::named("lost"));
    early.register(&server.api()).await;
    is_swept(&server).await;

    let registration = server.api().request("POST", "registration/").json(&lost.registration());
    kill_at_append(&kurrent, &mut server, "user-", async {
        tokio::spawn(Reply::try_to(registration));
    })
    .await;
    server.restart().await;
    let home = server.home().clone();
    kill_at_append(&kurrent, &mut server, "claim-", async { home.set_clock(LATER) }).await;
    server.restart().await;
    is_swept(&server).await;

    let events = whole_log(&server).await;
    let swept: Vec<&Value> = events.iter().filter(|event| event["actor"] == "sweeper").collect();
    let kinds: Vec<&str> = swept.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["user.registration-abandoned.v1", "claim.released.v1", "claim.released.v1"]);
    assert_eq!(count(&events, "claim.released.v1"), 2);
    let claim = |event: &&Value| event["type"] == "claim.claimed.v1" && event["stream"] == swept[1]["stream"];
    let claimed = seconds(events.iter().find(claim).expect("it was claimed"));
    assert!(swept.iter().all(|event| seconds(event) >= claimed + 60), "{swept:#?}");
    let told = "a name that was left behind is free again";
    wait_for("both names are told of", SOON, async || (server.said(told) >= 2).then_some(())).await;
    assert_eq!(server.said(told), 2);
    let doctor = server.run(&["doctor"]).succeeded();
    assert!(doctor.lines().any(|line| line.starts_with("sweeper ")), "{doctor}");
    lost.register(&server.api()).await;
    early.login(&server.api()).await;
}
