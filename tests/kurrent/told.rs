//! What a server tells of a log on KurrentDB and of who is behind it, and that it is there after a restart.

use std::time::Duration;

use crate::support::{Account, Home, Kurrent, Server, wait_for};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_told_of_without_its_password_and_goes_on_after_a_restart() {
    let kurrent = Kurrent::double().await;
    let url = kurrent.url().replace("esdb://", "esdb://stele:hunter2@");
    let mut server = Server::at(Home::on_kurrent(&url, &[("STELE_OUTPUT__LEVEL", "trace")])).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lag_says_that_it_counts_places_and_not_events() {
    const UNIT: &str = "its lag counts places of the log, not events";
    let kurrent = Kurrent::double().await;
    // No mail ever leaves.
    let env = [("STELE_MAIL__URL", "smtp://127.0.0.1:1"), ("STELE_MAIL__FROM", "auth@example.org")];
    let server = Server::at(Home::on_kurrent(kurrent.url(), &env)).await;
    Account::named("ada").register(&server.api()).await;
    let (behind, caught_up) = wait_for("all but the mailer has caught up", SOON, async || {
        let parts = server.api().get("/health/ready").await.json()["parts"].clone();
        let (mailer, api) = (parts["mailer"].clone(), parts["api"].clone());
        (mailer["lag"].as_u64() > Some(0) && api["lag"] == 0).then_some((mailer, api))
    })
    .await;
    assert!(behind["detail"].as_str().unwrap().contains(UNIT), "{behind}");
    assert!(!caught_up["detail"].as_str().unwrap().contains(UNIT), "{caught_up}");
    let doctor = server.run(&["doctor"]).stdout;
    let line = doctor.lines().find(|line| line.starts_with("mailer")).expect("a line of the mailer");
    assert!(line.contains(UNIT), "{doctor}");
}
