//! What a server tells of a log on KurrentDB, and that it is there after a restart.

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
