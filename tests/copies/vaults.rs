//! An installation whose log and vault move to PostgreSQL and back: whoever used it goes on as if nothing had happened, and what was
//! destroyed stays so.

use sqlx::{Connection, SqliteConnection};

use super::{copy, report};
use crate::support::{
    Account, Home, LOG, NEW_PASSWORD, OWNER, Postgres, Ran, SESSIONS, Server, Tokens, VAULT,
};

fn copy_vault(home: &Home, from: &str, to: &str) -> Ran {
    home.run(&["vault", "copy", "--from", from, "--to", to, "--json"], "")
}

/// She is known, her session goes on, and of her two passwords the older one is forgotten.
async fn knows_ada(server: &Server, tokens: &Tokens) {
    let (api, ada) = (server.api(), Account::named("ada"));
    assert_eq!(tokens.on(&api).get("user/").await.expect(200).at("/username"), "ada");
    tokens.on(&api).insist(SESSIONS).await.expect(200);
    ada.try_login(&api, &ada.password).await.expect(400);
    ada.try_login(&api, NEW_PASSWORD).await.expect(200);
    server.run(&["rebuild", "--check"]).succeeded();
    server.run(&["doctor"]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn log_and_vault_move_to_postgresql_and_back_and_nobody_notices() {
    let (log, vault) = (Postgres::shared().database(), Postgres::shared().database());
    let owned = [log.url(OWNER), vault.url(OWNER)];
    let mut server = Server::at(Home::keyed(&[])).await;
    let folder = server.home().data();
    let file = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let tokens = Account::named("ada").register(&server.api()).await;
    // The hash of the older password goes with its key.
    let change = serde_json::json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    tokens.on(&server.api()).post("password/change/", change).await.expect(200);
    let early = copy_vault(server.home(), &file("vault.db"), &owned[1]);
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(early.stderr.contains("another stele serves these databases"), "{early:?}");
    server.stop();

    copy(server.home(), &file("log.db"), &owned[0]).succeeded();
    let told = report(&copy_vault(server.home(), &file("vault.db"), &owned[1]), 0);
    assert_eq!(told["source"]["checksum"], told["target"]["checksum"], "{told}");
    log.grant("log");
    vault.grant("vault");
    server.home_mut().set("STELE_STORE__LOG", &log.url(LOG));
    server.home_mut().set("STELE_STORE__VAULT", &vault.url(VAULT));
    std::fs::remove_file(folder.join("vault.db")).unwrap();
    server.restart().await;
    knows_ada(&server, &tokens).await;
    let early = copy_vault(&Home::new(&[]), &owned[1], &file("back-vault.db"));
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(early.stderr.contains("stele_vault"), "{early:?}");
    server.stop();

    copy(server.home(), &owned[0], &file("back-log.db")).succeeded();
    copy_vault(server.home(), &owned[1], &file("back-vault.db")).succeeded();
    server.home_mut().set("STELE_STORE__LOG", &file("back-log.db"));
    server.home_mut().set("STELE_STORE__VAULT", &file("back-vault.db"));
    server.restart().await;
    knows_ada(&server, &tokens).await;
}

#[tokio::test]
async fn a_vault_that_is_not_all_there_is_served_by_nobody() {
    let mut server = Server::start(&[]).await;
    Account::named("ada").register(&server.api()).await;
    server.stop();
    let vault = format!("sqlite:{}", server.home().data().join("vault.db").display());
    let half = server.home().data().join("half.db");
    copy_vault(server.home(), &vault, &format!("sqlite:{}", half.display())).succeeded();
    let mut copied = SqliteConnection::connect(&half.display().to_string()).await.unwrap();
    sqlx::query("delete from of_log").execute(&mut copied).await.unwrap();

    let half = format!("sqlite:{}", half.display());
    let refused = server.home().run_with(&[("STELE_STORE__VAULT", &half)], &["serve"]);
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("stele vault copy"), "{refused:?}");
    let doctor = server.home().run_with(&[("STELE_STORE__VAULT", &half)], &["doctor"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("stele vault copy"), "{doctor:?}");
    copy_vault(server.home(), &vault, &half).succeeded();
    server.home().run_with(&[("STELE_STORE__VAULT", &half)], &["doctor"]).succeeded();
}
