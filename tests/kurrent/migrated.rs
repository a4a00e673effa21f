//! `stele migrate` on a KurrentDB that knows its users: which streams it closes to others, what it leaves to an administrator, and that it
//! refuses a log of which something is taken away.

use eventstore::StreamState::{Any, NoStream};
use eventstore::{AppendToStreamOptions, Client, Error, EventData, ReadAllOptions, StreamState};
use serde_json::{Value, json};

use crate::support::{Account, Home, Kurrent, Ran, Server};

const BESIDE: [&str; 3] = [".log", ".places", ".nothing"];

async fn append(client: &Client, stream: &str, expected: StreamState, event: EventData) -> Result<(), Error> {
    let options = AppendToStreamOptions::default().stream_state(expected);
    client.append_to_stream(stream, &options, event).await.map(drop)
}

async fn describe(kurrent: &Kurrent, stream: &str, metadata: Value) {
    let event = EventData::json("$metadata", &metadata).unwrap();
    append(&kurrent.client("admin"), &format!("$${stream}"), Any, event).await.expect("he may do everything");
}

fn anything() -> EventData {
    EventData::binary("anything", Vec::new().into())
}

/// Lets the user of Stele read `$all`, as `stele migrate` asks for.
async fn admitted(kurrent: &Kurrent, home: &Home) {
    let refused = home.run(&["migrate"], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("denies access to stele"), "{refused:?}");
    obey(kurrent, &refused.stderr).await;
}

/// Does what was left to an administrator: appends the events of the commands that were printed.
async fn obey(kurrent: &Kurrent, printed: &str) {
    let mut done = 0;
    for line in printed.lines() {
        let Some((_, command)) = line.split_once("--data '") else { continue };
        let (events, place) = command.split_once("' ").expect("where it goes");
        let stream = place.split_once("/streams/").expect("a stream").1.trim().replace("%24", "$");
        let stream = stream.strip_suffix("/metadata").map_or_else(|| stream.clone(), |of| format!("$${of}"));
        let events: Value = serde_json::from_str(events).expect("JSON in one word of the shell");
        let event = EventData::json(events[0]["eventType"].as_str().unwrap(), &events[0]["data"]).unwrap();
        append(&kurrent.client("admin"), &stream, Any, event).await.expect("he may do everything");
        done += 1;
    }
    assert!(done > 0, "{printed}");
}

async fn is_denied(client: &Client, stream: &str) {
    let outcome = append(client, stream, Any, anything()).await;
    assert!(matches!(outcome, Err(Error::AccessDenied)), "{stream}: {outcome:?}");
}

/// How many events the server holds.
async fn held(kurrent: &Kurrent) -> usize {
    let mut all = kurrent.client("admin").read_all(&ReadAllOptions::default()).await.unwrap();
    let mut events = 0;
    while all.next().await.unwrap().is_some() {
        events += 1;
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_closes_the_log_to_others_and_says_what_an_administrator_has_to_do() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    let (guest, other) = (kurrent.client("guest"), kurrent.stream("-user-1"));
    admitted(&kurrent, &home).await;
    let first = home.run(&["migrate"], "").succeeded();
    for stream in BESIDE.map(|rest| kurrent.stream(rest)) {
        assert!(first.contains(&format!("The metadata of {stream} is now")), "{first}");
        is_denied(&guest, &stream).await;
        is_denied(&kurrent.client("stele"), &format!("$${stream}")).await;
    }
    assert!(first.contains("Left to an administrator") && !first.contains("changeit"), "{first}");
    append(&guest, &other, NoStream, anything()).await.expect("the list by default is not ours to set");
    obey(&kurrent, &first).await;
    is_denied(&guest, &other).await;
    is_denied(&guest, &format!("$${other}")).await;
    is_denied(&guest, &kurrent.stream("-user-2")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_migration_changes_nothing_and_stele_serves_as_the_user_that_is_left() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    admitted(&kurrent, &home).await;
    let first = home.run(&["migrate"], "").succeeded();
    let before = held(&kurrent).await;
    let again = home.run(&["migrate"], "").succeeded();
    assert!(again.contains("Nothing had to be set") && again.contains("Left to an administrator"), "{again}");
    obey(&kurrent, &first).await;
    let last = home.run(&["migrate"], "").succeeded();
    assert!(last.contains("Nothing had to be set") && !last.contains("Left to"), "{last}");
    assert_eq!(held(&kurrent).await, before + 1, "the administrator's event alone");
    let server = Server::at(home).await;
    let ada = Account::named("ada");
    ada.register(&server.api()).await;
    ada.login(&server.api()).await;
    server.has_mailed().await;
}

/// The settings, with this list of who may write to streams that have no list of their own.
fn writers(roles: &Value) -> EventData {
    let json = json!({"$userStreamAcl": {"$r": "$all", "$w": roles, "$d": "$admins", "$mw": "$admins"}});
    EventData::json("update-default-acl", &json).unwrap()
}

#[test]
fn a_migration_without_a_server_ends_soon_and_says_where_nobody_was() {
    let home = Home::on_kurrent("esdb://127.0.0.1:1?tls=false", &[]);
    let ran = home.run(&["migrate"], "");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("esdb://127.0.0.1:1 can't be reached; is a KurrentDB there"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whom_a_list_keeps_from_appending_is_told_so_and_what_lets_him_in() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    admitted(&kurrent, &home).await;
    append(&kurrent.client("admin"), "$settings", Any, writers(&json!("ops"))).await.unwrap();
    let own = json!({"$acl": {"$w": ["ops"]}, "$cacheControl": 3});
    for stream in BESIDE {
        describe(&kurrent, &kurrent.stream(stream), own.clone()).await;
    }
    let before = held(&kurrent).await;
    let refused = home.run(&["migrate"], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for told in
        ["keeps stele from appending", "$userStreamAcl in $settings", r#"["ops","stele"]"#, "$cacheControl"]
    {
        assert!(refused.stderr.contains(told), "{told}: {refused:?}");
    }
    let started = home.run(&["serve"], "");
    assert!(
        started.code == Some(1) && started.stderr.contains("lets stele read, but not append"),
        "{started:?}"
    );
    assert_eq!(held(&kurrent).await, before, "nothing is written to learn it");
    obey(&kurrent, &refused.stderr).await;
    home.run(&["migrate"], "").succeeded();
    let server = Server::at(home).await;
    Account::named("ada").register(&server.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_kept_from_a_log_that_is_there_already_is_told_so() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    admitted(&kurrent, &home).await;
    home.run(&["migrate"], "").succeeded();
    append(&kurrent.client("admin"), "$settings", Any, writers(&json!(["ops"]))).await.unwrap();
    let refused = home.run(&["migrate"], "");
    assert!(refused.code == Some(1) && refused.stderr.contains("keeps stele from appending"), "{refused:?}");
    obey(&kurrent, &refused.stderr).await;
    home.run(&["migrate"], "").succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_a_limit_is_refused_by_its_name_until_the_limit_is_lifted() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    admitted(&kurrent, &home).await;
    let refused = |limit: &str| {
        let ran: Ran = home.run(&["migrate"], "");
        assert!(ran.code == Some(1) && ran.stderr.contains(limit), "{limit}: {ran:?}");
    };
    for (stream, metadata, limit) in [
        ("-user-1", json!({"$maxAge": 60}), "$maxAge 60"),
        ("-claim-1", json!({"$maxCount": 5, "$tb": 3}), "$maxCount 5 and $tb 3"),
        (".log", json!({"$maxCount": 1}), "$maxCount 1"),
    ] {
        let stream = kurrent.stream(stream);
        describe(&kurrent, &stream, metadata).await;
        refused(&format!("{stream} has {limit}"));
        describe(&kurrent, &stream, json!({"$cacheControl": 3})).await;
    }
    describe(&kurrent, "$all", json!({"$maxAge": 60, "$acl": {"$r": ["$admins", "stele"]}})).await;
    refused("$all has $maxAge 60");
    describe(&kurrent, "$all", json!({"$acl": {"$r": ["$admins", "stele"]}})).await;
    describe(&kurrent, "other-user-1", json!({"$maxAge": 60})).await;
    describe(&kurrent, &kurrent.stream(".nothing"), json!({"$maxCount": 7})).await;
    home.run(&["migrate"], "").succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_set_while_it_serves_is_told_by_the_server_and_by_doctor() {
    let kurrent = Kurrent::guarded().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    admitted(&kurrent, &home).await;
    let server = Server::at(home).await;
    let tokens = Account::named("ada").register(&server.api()).await;
    server.run(&["doctor"]).succeeded();
    let list = json!({"$r": ["$admins", "stele"]});
    let streams = [kurrent.stream(".log"), "$all".to_owned(), kurrent.stream("-user-1")];
    describe(&kurrent, &kurrent.stream(".nothing"), json!({"$maxCount": 1})).await;
    for stream in &streams {
        describe(&kurrent, stream, json!({"$maxCount": 5, "$acl": list})).await;
        server.says(&format!("{stream} has $maxCount 5")).await;
    }
    let nothing = format!("{} has", kurrent.stream(".nothing"));
    assert_eq!(server.said(&nothing), 0, "nothing is missed of it");
    let [.., told] = streams.map(|stream| format!("{stream} has $maxCount 5"));
    let doctor = server.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains(&told), "{doctor:?}");
    tokens.on(&server.api()).get("user/").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_user_there_is_nobody_to_close_the_log_for() {
    let kurrent = Kurrent::double().await;
    let home = Home::on_kurrent(kurrent.url(), &[]);
    let first = home.run(&["migrate"], "").succeeded();
    assert!(first.contains("store.log names no user") && !first.contains("$acl"), "{first}");
    assert!(first.contains(r#"{"$maxCount":1}"#), "{first}");
    let again = home.run(&["migrate"], "").succeeded();
    assert!(again.contains("Nothing had to be set"), "{again}");
}
