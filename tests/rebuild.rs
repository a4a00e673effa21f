//! `stele rebuild` beside a server: nobody who calls notices it, what it builds is what was live, and what was live can be had
//! back.

mod beside_traffic;
mod interrupted;

use serde_json::Value;

use crate::support::{Account, Caller, Ran, Server, alter_views, open_views};

/// Both models must be what the live ones were.
#[track_caller]
fn assert_same(report: &Value) {
    let models = report["models"].as_array().expect("the models");
    assert_eq!(models.len(), 2, "{report}");
    for model in models {
        assert!(model["checksum"].as_str().is_some_and(|sum| sum.len() == 64), "{report}");
        assert_eq!(model["checksum"], model["live_checksum"], "{report}");
    }
}

#[track_caller]
fn report(ran: Ran) -> Value {
    serde_json::from_str(&ran.succeeded()).expect("a report")
}

async fn username(caller: &Caller) -> String {
    caller.get("user/").await.expect(200).at("/username")
}

#[tokio::test]
async fn a_row_that_was_altered_is_found_and_mended() {
    let server = Server::start(&[]).await;
    let tokens = Account::named("ann").register(&server.api()).await;
    let ann = tokens.on(&server.api());
    ann.get(crate::support::SESSIONS).await.expect(200);
    assert_same(&report(server.run(&["rebuild", "--check", "--json"])));

    alter_views(server.home(), "update users set username = 'mallory'").await;
    assert_eq!(username(&ann).await, "mallory");
    let checked = server.run(&["rebuild", "--check"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stdout.contains("DIFFERENT"), "{checked:?}");
    assert_eq!(username(&ann).await, "mallory", "a check changes nothing");

    server.run(&["rebuild"]).succeeded();
    assert_eq!(username(&ann).await, "ann");
    assert_same(&report(server.run(&["rebuild", "--check", "--json"])));
}

#[tokio::test]
async fn what_was_live_before_can_be_had_back_with_what_happened_since() {
    let server = Server::start(&[]).await;
    let refused = server.run(&["rebuild", "--rollback"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("no earlier read models"), "{refused:?}");

    let ann = Account::named("ann").register(&server.api()).await.on(&server.api());
    ann.get(crate::support::SESSIONS).await.expect(200);
    alter_views(server.home(), "update users set first_name = 'left behind'").await;
    server.run(&["rebuild"]).succeeded();
    let bob = Account::named("bob").register(&server.api()).await.on(&server.api());
    server.run(&["rebuild", "--rollback"]).succeeded();
    assert_eq!(ann.get("user/").await.expect(200).at("/first_name"), "left behind");
    assert_eq!(username(&bob).await, "bob");
    let sessions = bob.get(crate::support::SESSIONS).await.expect(200);
    assert_eq!(sessions.json().as_array().map(Vec::len), Some(1), "{sessions:?}");
    server.run(&["rebuild", "--rollback"]).succeeded();
    assert_eq!(ann.get("user/").await.expect(200).at("/first_name"), "");
    assert_same(&report(server.run(&["rebuild", "--check", "--json"])));
}

#[tokio::test]
async fn what_was_forgotten_can_not_be_had_back() {
    let server = Server::start(&[]).await;
    Account::named("ann").register(&server.api()).await;
    server.run(&["rebuild"]).succeeded();
    let forgotten = server.run(&["rebuild", "--forget"]).succeeded();
    assert!(forgotten.contains("are forgotten"), "{forgotten}");
    let refused = server.run(&["rebuild", "--rollback"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("no earlier read models"), "{refused:?}");
    server.run(&["rebuild", "--forget", "--json"]).succeeded();
    assert_same(&report(server.run(&["rebuild", "--check", "--json"])));
}

#[tokio::test]
async fn it_works_without_a_server_too() {
    let mut server = Server::start(&[]).await;
    let tokens = Account::named("ann").register(&server.api()).await;
    tokens.on(&server.api()).get(crate::support::SESSIONS).await.expect(200);
    server.stop();
    let report = report(server.run(&["rebuild", "--json"]));
    let log = server.home().log().events().await;
    let of_models =
        log.iter().filter(|event| event.stream.starts_with("user-") || event.stream.starts_with("session-"));
    assert_eq!(report["events"], of_models.count(), "{report}");
    server.restart().await;
    assert_eq!(username(&tokens.on(&server.api())).await, "ann");
}

#[tokio::test]
async fn read_models_of_another_log_are_told_by_a_check_and_left_alone() {
    let (mut one, mut other) = (Server::start(&[]).await, Server::start(&[]).await);
    for (server, name) in [(&mut one, "ann"), (&mut other, "bob")] {
        let tokens = Account::named(name).register(&server.api()).await;
        tokens.on(&server.api()).get(crate::support::SESSIONS).await.expect(200);
        server.stop();
    }
    for file in ["views.db", "views.db-wal", "views.db-shm"] {
        let (from, to) = (one.home().data().join(file), other.home().data().join(file));
        std::fs::remove_file(&to).ok();
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
    let checked = other.run(&["rebuild", "--check"]);
    assert_eq!((checked.code, checked.stderr.lines().count()), (Some(3), 1), "{checked:?}");
    assert!(checked.stderr.contains("of another log"), "{checked:?}");
    let mut views = open_views(other.home()).await;
    let name: String = sqlx::query_scalar("select username from users").fetch_one(&mut views).await.unwrap();
    assert_eq!(name, "ann");
    other.run(&["rebuild"]).succeeded();
    assert_same(&report(other.run(&["rebuild", "--check", "--json"])));
}
