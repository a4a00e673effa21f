//! `/health/ready` when the bytes of a database are gone from under the server, and when they are back.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Account, Caller, Server, comes_back_later, wait_for};

const SOON: Duration = Duration::from_secs(30);
const PARTS: [&str; 8] = ["api", "log", "mailer", "revocations", "sessions", "users", "vault", "views"];

/// A database and its journals, wiped in place, so that whoever has them open finds nothing there any more.
pub(super) struct Wiped(Vec<(PathBuf, Vec<u8>)>);

impl Wiped {
    pub(super) fn database(server: &Server, name: &str) -> Self {
        let files = ["", "-wal", "-shm"].map(|side| server.home().data().join(format!("{name}{side}")));
        let kept: Vec<_> = files
            .into_iter()
            .filter_map(|file| Some((file.clone(), fs::read(file).ok()?)))
            .filter(|(_, bytes)| !bytes.is_empty())
            .collect();
        assert!(!kept.is_empty(), "{name} is not there");
        for (file, bytes) in &kept {
            overwrite(file, &vec![0; bytes.len()]);
        }
        Self(kept)
    }

    pub(super) fn put_back(self) {
        // The index of the journal comes last: what it says must be true.
        for (file, bytes) in &self.0 {
            overwrite(file, bytes);
        }
    }
}

/// Never truncates: the server has these bytes in its memory.
fn overwrite(file: &PathBuf, bytes: &[u8]) {
    File::options().write(true).open(file).unwrap().write_all(bytes).unwrap();
}

async fn report(api: &Caller) -> (u16, Value) {
    let reply = api.get("/health/ready").await;
    (reply.status, reply.json())
}

#[track_caller]
fn names(report: &Value) -> Vec<&str> {
    let parts = report["parts"].as_object().expect("parts by name");
    let mut names: Vec<_> = parts.keys().map(String::as_str).collect();
    for part in parts.values() {
        // Without a head nobody knows how far behind it he is.
        let lag = part["lag"].is_u64() || (part["lag"].is_null() && report["parts"]["log"]["ok"] == false);
        let whole = part["ok"].is_boolean() && part["detail"].is_string() && lag;
        assert!(whole && part.as_object().unwrap().len() == 3, "{report}");
    }
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_ready_server_names_its_parts_and_each_is_well() {
    let server = Server::start(&[]).await;
    Account::named("first").register(&server.api()).await;
    server.mails().await;
    let report = wait_for("no part lags", SOON, async || {
        let (status, report) = report(&server.api()).await;
        let none_lags = PARTS.iter().all(|name| report["parts"][name]["lag"] == 0);
        ((status, &report["status"]) == (200, &json!("ok")) && none_lags).then_some(report)
    })
    .await;
    assert_eq!(names(&report), PARTS);
    assert!(PARTS.iter().all(|name| report["parts"][name]["ok"] == true), "{report}");
}

#[tokio::test]
async fn a_server_without_its_log_its_views_or_its_vault_is_not_ready_and_says_which() {
    for broken in ["log", "views", "vault"] {
        let server = Server::start(&[]).await;
        let api = server.api();
        Account::named("first").register(&api).await;
        server.mails().await;
        let _wiped = Wiped::database(&server, &format!("{broken}.db"));
        let (status, report) = report(&api).await;
        assert_eq!(status, 503, "{broken}: {report}");
        assert_ne!(report["status"], "ok");
        assert_eq!(names(&report), PARTS, "{broken}");
        for part in ["log", "views", "vault"] {
            assert_eq!(report["parts"][part]["ok"], json!(part != broken), "{broken}: {report}");
        }
        let shown = report.to_string();
        assert!(!shown.contains(".db") && !shown.contains("sqlite"), "health is asked by anyone: {shown}");
        api.get("/health/live").await.expect(200);
        let told = server.home().run_with(&[("STELE_API__LISTEN", server.address())], &["health"]);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stdout.starts_with("not ready\n") && told.stdout.contains(broken), "{told:?}");
    }
}

#[tokio::test]
async fn without_the_log_commands_are_refused_for_now_and_are_taken_when_it_is_back() {
    let server = Server::start(&[]).await;
    let (api, account) = (server.api(), Account::named("first"));
    let tokens = account.register(&api).await;
    server.mails().await;
    let wiped = Wiped::database(&server, "log.db");
    let late = Account::named("late");
    comes_back_later(&api.post("registration/", late.registration()).await, 503);
    comes_back_later(&account.try_login(&api, &account.password).await, 503);
    comes_back_later(&tokens.try_refresh(&api).await, 503);
    wiped.put_back();
    wait_for("the server is ready again", SOON, async || {
        (api.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
    account.login(&api).await;
    late.register(&api).await;
    let mails = server.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.is_to(&late.email)).count(), 1);
}
