//! Several processes on the same databases, each with roles of its own: what one is told the others know, and who leads is taken
//! over when it dies or is stopped.

mod deaf;
mod leaders;
mod reading;
mod revocations;
mod rolling;

use std::time::Duration;

use crate::support::{Caller, Home, SESSIONS, Server, comes_back_later, each, wait_for};

const SOON: Duration = Duration::from_mins(1);

/// How others know this process.
fn node(server: &Server) -> String {
    let lines = server.lines();
    let line = lines.iter().rev().find_map(|line| line.strip_prefix("Other processes know this one as "));
    line.expect("a process on shared databases says how it is known").trim_end_matches('.').to_owned()
}

/// Which process leads a follower, as this one sees it.
async fn leader(api: &Caller, follower: &str) -> Option<String> {
    let report = api.get("/health/ready").await.json();
    let detail = report["parts"][follower]["detail"].as_str().unwrap_or_default().to_owned();
    detail.split_once("led by ").map(|(_, node)| node.to_owned())
}

/// Waits until one of these leads, and answers which.
async fn leads(api: &Caller, follower: &str, nodes: &[String]) -> usize {
    wait_for("someone leads", SOON, async || {
        let leader = leader(api, follower).await?;
        nodes.iter().position(|node| *node == leader)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn every_process_serves_its_health_and_only_those_with_the_role_api_serve_more() {
    let home = Home::on_postgres(&[]);
    let [api, projector, mailer, relay] = each(&home, ["api", "projector", "mailer", "relay,sealer"]).await;
    for server in [&projector, &mailer, &relay] {
        let other = server.api();
        other.get("user/").await.expect(404);
        other.get("/.well-known/jwks.json").await.expect(404);
        other.get("/health/live").await.expect(200);
        let parts = other.get("/health/ready").await.expect(200).json()["parts"].clone();
        for part in ["log", "views", "vault", "users", "sessions", "mailer"] {
            assert_eq!(parts[part]["ok"], true, "{parts}");
        }
        assert!(parts["revocations"].is_null() && parts["api"].is_null(), "it judges no token: {parts}");
    }
    let parts = relay.api().get("/health/ready").await.json()["parts"].clone();
    for role in ["relay", "sealer"] {
        assert!(parts[role]["detail"].as_str().unwrap().starts_with("nothing to do"), "{parts}");
        let said = format!("It has nothing to do as {role}");
        assert!(relay.lines().iter().any(|line| line.starts_with(&said)), "{:?}", relay.lines());
    }
    let nodes = [node(&projector), node(&mailer)];
    for (follower, place) in [("users", 0), ("sessions", 0), ("mailer", 1)] {
        assert_eq!(leads(&api.api(), follower, &nodes).await, place, "{follower}");
    }
    let doctor = api.run(&["doctor"]).succeeded();
    for told in [format!("led by {}", nodes[0]), format!("api {}", node(&api))] {
        assert!(doctor.contains(&told), "{told}: {doctor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_part_of_the_roles_is_refused_where_one_backend_is_a_file() {
    let mut home = Home::on_postgres(&[]);
    home.set("STELE_STORE__VIEWS", "sqlite:data/views.db");
    let refused = home.run(&["serve", "--roles", "api,mailer"], "");
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("store.views is embedded"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn lists_wait_for_the_projector_and_ask_to_come_back_while_there_is_none() {
    let home = Home::on_postgres(&[]);
    let [a, b, mut projector] = each(&home, ["api", "api", "projector"]).await;
    let ada = crate::support::Account::named("ada");
    let tokens = ada.register(&a.api()).await;
    let on_b = tokens.on(&b.api());
    let sessions = async || on_b.get(SESSIONS).await;
    assert_eq!(on_b.insist(SESSIONS).await.expect(200).json().as_array().unwrap().len(), 1);
    for end in [Server::kill9, |server: &mut Server| _ = server.stop()] {
        end(&mut projector);
        ada.login(&a.api()).await;
        tokens.on(&a.api()).patch("user/", serde_json::json!({"first_name": "Ada"})).await.expect(200);
        let user = on_b.get("user/").await.expect(200);
        assert_eq!(user.at("/first_name"), "Ada", "his own words are there without a projector");
        comes_back_later(&sessions().await, 503);
        projector.restart().await;
        wait_for("the list is there again", SOON, async || (sessions().await.status == 200).then_some(()))
            .await;
        tokens.on(&a.api()).patch("user/", serde_json::json!({"first_name": "Augusta"})).await.expect(200);
    }
    assert_eq!(on_b.insist(SESSIONS).await.expect(200).json().as_array().unwrap().len(), 3);
}
