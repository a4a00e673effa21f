//! A server whose log is on PostgreSQL: what it refuses, what it tells of it, and what it does while it is away.

use std::time::Duration;

use crate::support::{
    Account, Home, LOG, NEW_PASSWORD, OWNER, Postgres, Server, Servers, comes_back_later, wait_for,
};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn while_its_log_is_away_a_server_asks_to_come_back_and_then_goes_on() {
    let postgres = Postgres::start();
    let server =
        Server::at(Home::on(&Servers { log: &postgres, ..Servers::all(Postgres::shared()) }, &[])).await;
    let api = server.api();
    let ada = Account::named("ada");
    let tokens = ada.register(&api).await;
    for end in [Postgres::stop, Postgres::kill] {
        end(&postgres);
        comes_back_later(&ada.try_login(&api, &ada.password).await, 503);
        comes_back_later(&api.post("registration/", Account::named("eve").registration()).await, 503);
        let ready = api.get("/health/ready").await.expect(503).json();
        assert_eq!(ready["parts"]["log"]["ok"], false, "{ready}");
        postgres.begin();
        wait_for("the server is ready again", SOON, async || {
            (api.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        ada.login(&api).await;
        tokens.on(&api).get("user/").await.expect(200);
    }
    Account::named("eve").register(&api).await;
    let checked = server.run(&["rebuild", "--check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_server_that_would_forget_is_refused_in_one_line_unless_that_is_allowed() {
    let postgres = Postgres::start();
    let home = Home::on(&Servers { log: &postgres, ..Servers::all(Postgres::shared()) }, &[]);
    postgres.set("synchronous_commit = off");
    postgres.stop();
    postgres.begin();
    let refused = home.run(&["serve"], "");
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("synchronous_commit is off") && !refused.stdout.contains("listening"));
    assert!(refused.stderr.contains("store.allow_unsafe"), "{refused:?}");
    let doctor = home.run(&["doctor"], "");
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("not durable (fsync on, synchronous_commit off"), "{doctor:?}");

    let mut home = home;
    home.set("STELE_STORE__ALLOW_UNSAFE", "true");
    let server = Server::at(home).await;
    Account::named("ada").register(&server.api()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_log_on_postgresql_is_told_of_without_its_password() {
    const SECRET: &str = "hunter2";
    let database = Postgres::shared().database();
    let url = |role: &str| database.url(role).replace('@', &format!(":{SECRET}@"));
    let mut home = Home::keyed(&[("STELE_STORE__LOG", &url(LOG))]);
    let early = home.run(&["serve"], "");
    assert_eq!((early.code, early.stderr.lines().count()), (Some(1), 1), "{early:?}");
    assert!(early.stderr.contains("run `stele migrate` as the role that owns them"), "{early:?}");
    home.run_with(&[("STELE_STORE__LOG", &url(OWNER))], &["migrate"]).succeeded();
    database.grant("log");

    home.set("STELE_OUTPUT__LEVEL", "trace");
    let server = Server::at(home).await;
    Account::named("ada").register(&server.api()).await;
    assert!(server.lines().iter().any(|line| line.contains("Events are kept in postgres://stele_log@")));
    let doctor = server.run(&["doctor"]).succeeded();
    for told in
        ["postgres://stele_log@", "durable (fsync on, synchronous_commit on, full_page_writes on)", "log id"]
    {
        assert!(doctor.contains(told), "{told}: {doctor}");
    }
    let shown = server.run(&["user", "show", "ada"]).succeeded();
    assert!(!server.home().data().join("log.db").exists() && shown.contains("ada@example.com"), "{shown}");
    let lines = server.lines().join("\n");
    for told in [lines.as_str(), &early.stderr, &doctor] {
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and pgbouncer (apt-get install postgresql pgbouncer); ./test runs it where they are"]
async fn behind_a_pooler_a_person_registers_logs_in_and_changes_his_password() {
    let postgres = Postgres::start();
    postgres.pool();
    let server = Server::at(Home::behind_a_pooler(&postgres)).await;
    let (api, ada) = (server.api(), Account::named("ada"));
    let tokens = ada.register(&api).await;
    let change = serde_json::json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    tokens.on(&api).post("password/change/", change).await.expect(200);
    ada.try_login(&api, &ada.password).await.expect(400);
    ada.try_login(&api, NEW_PASSWORD).await.expect(200);
    server.run(&["rebuild", "--check"]).succeeded();
}
