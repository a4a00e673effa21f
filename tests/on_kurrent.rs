//! A server whose log is on KurrentDB, as far as a server of our own that behaves as KurrentDB is documented to can tell: what it does
//! while appends fail, and what it tells of the log.

use std::time::Duration;

use crate::support::{Account, Kurrent, NEW_PASSWORD, Server, comes_back_later, wait_for};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_can_be_appended_a_server_asks_to_come_back_and_then_goes_on() {
    let kurrent = Kurrent::start().await;
    let server = Server::at(kurrent.home(&[])).await;
    let (api, ada) = (server.api(), Account::named("ada"));
    ada.register(&api).await;
    kurrent.refuse_appends();
    comes_back_later(&ada.try_login(&api, &ada.password).await, 503);
    comes_back_later(&api.post("registration/", Account::named("eve").registration()).await, 503);
    kurrent.recover();
    ada.login(&api).await;
    Account::named("eve").register(&api).await;
    server.run(&["rebuild", "--check"]).succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_and_connections_that_are_cut_are_noticed_by_nobody() {
    let kurrent = Kurrent::start().await;
    let server = Server::at(kurrent.home(&[])).await;
    let (api, ada) = (server.api(), Account::named("ada"));
    let tokens = ada.register(&api).await;
    kurrent.lose_an_answer();
    let change = serde_json::json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    tokens.on(&api).post("password/change/", change).await.expect(200);
    kurrent.cut_connections();
    ada.try_login(&api, &ada.password).await.expect(400);
    ada.try_login(&api, NEW_PASSWORD).await.expect(200);
    server.run(&["rebuild", "--check"]).succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_told_of_without_its_password_and_goes_on_after_a_restart() {
    let kurrent = Kurrent::start().await;
    let mut home = kurrent.home(&[]);
    let url = home.setting("STELE_STORE__LOG").replace("esdb://", "esdb://stele:hunter2@");
    home.set("STELE_STORE__LOG", &url);
    home.set("STELE_OUTPUT__LEVEL", "trace");
    let mut server = Server::at(home).await;
    let ada = Account::named("ada");
    ada.register(&server.api()).await;
    server.restart().await;
    ada.login(&server.api()).await;
    let doctor = server.run(&["doctor"]).succeeded();
    assert!(doctor.contains("esdb://127.0.0.1:") && doctor.contains("log id"), "{doctor}");
    let lines = server.lines().join("\n");
    assert!(lines.contains("Events are kept in esdb://127.0.0.1:"), "{lines}");
    assert!(!lines.contains("hunter2") && !doctor.contains("hunter2"));
    wait_for("the projector has caught up", SOON, async || {
        let ready = server.api().get("/health/ready").await;
        (ready.status == 200).then_some(())
    })
    .await;
}
