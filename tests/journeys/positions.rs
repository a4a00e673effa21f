//! Every command says where its newest event stands, and a query told that place answers as of then or later.

use serde_json::json;

use crate::support::{Account, Caller, NEW_PASSWORD, Reply, SESSIONS, Server};

const ANSWERED: &str = "stele-position";
const ASKED: &str = "stele-min-position";

#[track_caller]
fn position(reply: &Reply) -> String {
    reply.header(ANSWERED).unwrap_or_else(|| panic!("no position: {reply:?}")).to_owned()
}

#[tokio::test]
async fn every_command_answers_its_position_and_a_query_takes_it() {
    let server = Server::start(&[]).await;
    let (api, account) = (server.api(), Account::named("reader"));
    let registered = api.post("registration/", account.registration()).await.expect(201);
    let logged_in = account.try_login(&api, &account.password).await.expect(200);
    let user = api.bearer(&logged_in.at("/access"));
    let renamed = user.patch("user/", json!({"first_name": "Ada"})).await.expect(200);
    let refresh = json!({"refresh": logged_in.at("/refresh")});
    let refreshed = api.post("token/refresh/", refresh).await.expect(200);
    let body = json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    let changed = user.post("password/change/", body).await.expect(200);
    let left = json!({"refresh": refreshed.at("/refresh")});
    let positions = [&registered, &logged_in, &renamed, &refreshed, &changed].map(position);
    for (index, position) in positions.iter().enumerate() {
        assert!(!positions[..index].contains(position), "{positions:?}");
        user.with(ASKED, position).get("user/").await.expect(200);
        user.with(ASKED, position).get(SESSIONS).await.expect(200);
    }
    position(&user.post("logout/", left).await.expect(200));
}

async fn asks(user: &Caller, asked: &str) -> Reply {
    user.with(ASKED, asked).get("user/").await
}

#[tokio::test]
async fn a_place_that_the_log_has_not_reached_is_answered_503_and_another_logs_400() {
    let (server, other) = (Server::start(&[]).await, Server::start(&[]).await);
    let account = Account::named("reader");
    let registered = server.api().post("registration/", account.registration()).await.expect(201);
    let elsewhere = other.api().post("registration/", account.registration()).await.expect(201);
    let user = server.api().bearer(&registered.at("/access"));
    let own = position(&registered);
    let digits = own.chars().rev().take_while(char::is_ascii_digit).count();
    let log = own.split_at(own.len() - digits).0.to_owned();
    let early = asks(&user, &format!("{log}999999999")).await.expect(503);
    assert!(early.header("retry-after").is_some() && early.json()["detail"].is_string(), "{early:?}");
    for asked in [
        position(&elsewhere),
        format!("{log}99999999999999999999999"),
        format!("{log}-1"),
        format!("{own}x"),
        log,
        "1".to_owned(),
        String::new(),
    ] {
        let reply = asks(&user, &asked).await.expect(400);
        assert!(reply.json()["detail"].is_string(), "{asked:?}: {reply:?}");
    }
}
