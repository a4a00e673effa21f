//! `stele log tail`: the events as they come, from any place, without what is sealed in them.

use std::time::Duration;

use serde_json::Value;

use super::failed;
use crate::support::{Account, Lines, Process, Server, is_panic, number_in, wait_for};

const SOON: Duration = Duration::from_secs(30);

fn tail(server: &Server, more: &[&str]) -> (Process, Lines) {
    let lines = Lines::default();
    let command = server.home().command(&[&["log", "tail"], more].concat());
    (Process::spawn(command, &lines), lines)
}

#[tokio::test]
async fn events_are_shown_as_they_come_and_nothing_personal_with_them() {
    let server = Server::start(&[]).await;
    let early = Account::named("earlybird");
    early.register(&server.api()).await;
    server.mails().await;
    let (_tail, lines) = tail(&server, &[]);
    let mut count = 0;
    wait_for("a registration is shown", SOON, async || {
        count += 1;
        Account::named(&format!("markedname{count}")).register(&server.api()).await;
        lines.all().iter().any(|line| line.contains("user.registered.v1")).then_some(())
    })
    .await;
    let shown = lines.all().join("\n");
    assert!(!shown.contains("markedname") && !shown.contains("earlybird"), "{shown}");
}

#[tokio::test]
async fn from_a_position_on_every_event_is_shown_once_and_in_order() {
    let server = Server::start(&[]).await;
    let api = server.api();
    let first = api.post("registration/", Account::named("first").registration()).await.expect(201);
    let from = first.header("stele-position").expect("a position").to_owned();
    server.mails().await;
    for index in 0..5 {
        let account = Account::named(&format!("markedname{index}"));
        account.register(&api).await;
    }
    server.mails().await;
    let (mut tail, lines) = tail(&server, &["--from", &from, "--json"]);
    let events = wait_for("five registrations are shown", SOON, async || {
        let events: Vec<Value> =
            lines.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let registered = events.iter().filter(|event| event["type"] == "user.registered.v1");
        (registered.count() == 5).then_some(events)
    })
    .await;
    let numbers: Vec<u64> =
        events.iter().map(|event| number_in(event["position"].as_str().unwrap())).collect();
    let expected: Vec<u64> = (number_in(&from) + 1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    assert!(!lines.all().join("\n").contains("markedname"), "{:#?}", lines.all());
    tail.stop();
    let panicked = lines.all().into_iter().find(|line| is_panic(line));
    assert_eq!(panicked, None);
}

#[tokio::test]
async fn a_place_in_no_log_is_refused() {
    let server = Server::start(&[]).await;
    for place in ["nonsense", "", "other-17"] {
        let ran = server.run(&["log", "tail", "--from", place]);
        assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
        failed(&ran, ran.code.unwrap(), "position");
    }
}
