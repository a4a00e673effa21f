//! `stele init`, `migrate` and `doctor`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{failed, objects};
use crate::support::{Account, Home, Server};

#[tokio::test]
async fn init_writes_every_setting_once_and_the_server_takes_the_file() {
    let home = Home::bare(&[]);
    home.run(&["init"], "").succeeded();
    let file = home.path().join("stele.toml");
    let written = fs::read_to_string(&file).unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it may come to hold the master key: {mode:o}");
    for word in
        ["[api]", "[auth]", "[jwt]", "[mail]", "listen", "access_ttl", "verify_url", "email_verification"]
    {
        assert!(written.contains(word), "{word}: {written}");
    }
    let own = written.replace("#access_ttl = \"5m\"", "access_ttl = \"7m\"");
    assert_ne!(own, written);
    fs::write(&file, &own).unwrap();
    failed(&home.run(&["init"], ""), 1, "stele.toml");
    assert_eq!(fs::read_to_string(&file).unwrap(), own, "what is there stays");
    assert!(!home.data().exists());
    let mut server = Server::at(home).await;
    Account::named("first").register(&server.api()).await;
    server.stop();
    server.home().run(&["init", "--force"], "").succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    server.home().run(&["init", "--config", "other.toml"], "").succeeded();
    assert_eq!(fs::read_to_string(file.with_file_name("other.toml")).unwrap(), written);
}

#[tokio::test]
async fn migrate_makes_the_databases_and_changes_nothing_after_that() {
    let home = Home::new(&[]);
    home.run(&["migrate"], "").succeeded();
    for name in ["log.db", "views.db", "vault.db"] {
        assert!(home.data().join(name).is_file(), "{name}");
    }
    home.run(&["migrate"], "").succeeded();
    let server = Server::at(home).await;
    let account = Account::named("first");
    account.register(&server.api()).await;
    server.run(&["migrate"]).succeeded();
    account.login(&server.api()).await;
}

#[tokio::test]
async fn the_doctor_finds_all_well_beside_a_server_and_without_one() {
    let mut server = Server::start(&[]).await;
    Account::named("patient").register(&server.api()).await;
    server.mails().await;
    for running in [true, false] {
        if !running {
            server.stop();
        }
        let text = server.run(&["doctor"]).succeeded();
        for part in ["log", "views", "vault", "mail", "durable"] {
            assert!(text.to_lowercase().contains(part), "{part}: {text}");
        }
        assert!(!objects(server.run(&["doctor", "--json"])).is_empty());
    }
}

#[tokio::test]
async fn the_doctor_says_what_is_broken_and_ends_with_1() {
    for database in ["log.db", "views.db", "vault.db"] {
        let mut server = Server::start(&[]).await;
        server.stop();
        for side in ["-wal", "-shm"] {
            fs::remove_file(server.home().data().join(format!("{database}{side}"))).ok();
        }
        fs::write(server.home().data().join(database), "no database").unwrap();
        let ran = server.run(&["doctor"]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(format!("{ran:?}").contains(database), "{ran:#?}");
        let ran = server.run(&["doctor", "--json"]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok(), "{ran:#?}");
    }
    let mut server = Server::start(&[]).await;
    server.stop();
    fs::remove_file(server.home().data().join("master.key")).unwrap();
    let ran = server.run(&["doctor"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(format!("{ran:?}").contains("master"), "{ran:#?}");
}

#[tokio::test]
async fn the_doctor_makes_no_master_key_where_the_vault_is_lost() {
    let mut server = Server::start(&[]).await;
    Account::named("lost").register(&server.api()).await;
    server.stop();
    let key = server.home().data().join("master.key");
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    let emptied = |path: &Path| fs::write(path, "").unwrap();
    for (lost, lose) in [("master.key", gone as fn(&Path)), ("vault.db", gone), ("vault.db", emptied)] {
        lose(&server.home().data().join(lost));
        let ran = server.run(&["doctor"]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stdout.contains(lost), "{ran:#?}");
        assert!(!key.exists());
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn the_doctor_looks_at_databases_on_postgres() {
    let mut server = Server::at(Home::on_postgres(&[])).await;
    let other = Server::at(Home::on_postgres(&[])).await;
    for server in [&server, &other] {
        Account::named("patient").register(&server.api()).await;
        server.mails().await;
    }
    let text = server.run(&["doctor"]).succeeded();
    for part in ["log", "vault"] {
        let line = text.lines().find(|line| line.starts_with(part)).unwrap();
        assert!(line.contains("postgres://stele_") && line.contains("durable (fsync on"), "{line}");
    }
    assert!(text.lines().any(|line| line.starts_with("views") && line.contains("postgres://stele_views@")));
    for database in ["log.db", "views.db", "vault.db"] {
        assert!(!server.home().data().join(database).exists(), "{database}");
    }

    server.stop();
    let elsewhere = other.home().setting("STELE_STORE__VAULT");
    let nowhere = elsewhere.replace("test_", "missing_");
    let key = "b3RoZXIga2V5LCBvZiAzMiBieXRlcywgZm9yIHRlc3Q=";
    for (name, value, told) in [
        ("STELE_STORE__VAULT", elsewhere.as_str(), "belongs to log"),
        ("STELE_STORE__VAULT", nowhere.as_str(), "can't be reached"),
        ("STELE_VAULT__MASTER_KEY", key, "the master key does not fit"),
    ] {
        let ran = server.home().run_with(&[(name, value)], &["doctor"]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stdout.contains(told), "{told}: {ran:#?}");
        let ran = server.home().run_with(&[(name, value)], &["serve"]);
        assert!(ran.code != Some(0) && ran.stderr.contains(told), "{told}: {ran:#?}");
    }
}

#[tokio::test]
async fn a_master_key_that_others_may_read_is_told_at_the_start_and_by_the_doctor() {
    let mut server = Server::start(&[]).await;
    let key = server.home().data().join("master.key");
    let told = "master.key is open";
    server.run(&["doctor"]).succeeded();
    assert_eq!(server.said(told), 0);
    for mode in [0o640, 0o604] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let ran = server.run(&["doctor"]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stdout.contains("chmod 600"), "{ran:#?}");
    }
    server.restart().await;
    server.says(told).await;
    let given = fs::read_to_string(&key).unwrap();
    server.home().run_with(&[("STELE_VAULT__MASTER_KEY", given.trim())], &["doctor"]).succeeded();
}

#[test]
#[ignore = "needs the right to mount a file; ./test runs it where it may"]
fn a_master_key_that_is_mounted_read_only_is_guarded_by_whoever_mounted_it() {
    let mut home = Home::new(&[]);
    home.run(&["migrate"], "").succeeded();
    fs::set_permissions(home.data().join("master.key"), Permissions::from_mode(0o444)).unwrap();
    assert!(home.run(&["doctor"], "").stdout.contains("chmod 600"));
    let own = if rustix::process::geteuid().is_root() { "--mount" } else { "--map-root-user" };
    let mount = "key=data/master.key; mount --bind $key $key && mount -o remount,ro,bind $key && exec \"$@\"";
    home.launch_by(&["/usr/bin/unshare", own, "--mount", "/bin/sh", "-c", mount, "sh"]);
    home.run(&["doctor"], "").succeeded();
}

#[tokio::test]
async fn health_says_whether_the_process_beside_it_is_ready_and_what_is_not() {
    let mut server = Server::start(&[]).await;
    let listen = server.address().to_owned();
    let ask = |server: &Server, more: &[&str]| {
        server.home().run_with(&[("STELE_API__LISTEN", listen.as_str())], &[&["health"], more].concat())
    };
    for more in [&[][..], &["--live"]] {
        assert_eq!(ask(&server, more).succeeded(), "ok\n");
    }
    let report = objects(ask(&server, &["--json"])).remove(0);
    assert_eq!(report["parts"]["log"]["ok"], true, "{report}");
    server.stop();
    let ran = ask(&server, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no process of Stele answers at 127.0.0.1:"), "{ran:?}");
}

#[test]
fn the_settings_are_checked_before_anything_else() {
    let home = Home::bare(&[("STELE_AUTH__TOKENS", "jot")]);
    for command in [&["doctor"][..], &["migrate"], &["user", "list"], &["keys", "list"], &["log", "tail"]] {
        let ran = home.run(command, "");
        assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
        assert!(ran.stderr.contains("STELE_AUTH__TOKENS"), "{ran:?}");
    }
    assert!(!home.data().exists());
}

#[test]
fn help_and_version_are_there() {
    let home = Home::bare(&[]);
    assert!(home.run(&["--version"], "").succeeded().starts_with("stele "));
    let help = home.run(&["--help"], "").succeeded();
    for command in ["serve", "init", "migrate", "user", "keys", "log", "doctor"] {
        assert!(help.contains(command), "{command}: {help}");
    }
    assert_eq!(home.run(&["frobnicate"], "").code, Some(2));
}
