//! An installation whose log moves to PostgreSQL and back: whoever used it goes on as if nothing had happened.

use super::{copy, file, report};
use crate::support::{
    Account, Home, LOG, NEW_PASSWORD, OWNER, Postgres, SESSIONS, Server, Tokens, number_in,
};

const STORE_LOG: &str = "STELE_STORE__LOG";

/// His sessions are there, his tokens are good, and what he does next stands behind what he did before.
async fn goes_on(server: &Server, tokens: &Tokens, last: u64) -> u64 {
    let ada = tokens.on(&server.api());
    assert_eq!(ada.get("user/").await.expect(200).at("/username"), "ada");
    let sessions = ada.insist(SESSIONS).await.expect(200).json();
    assert!(sessions.as_array().is_some_and(|sessions| !sessions.is_empty()), "{sessions}");
    let names = serde_json::json!({"first_name": format!("Ada {last}")});
    let changed = ada.patch("user/", names).await.expect(200);
    let position = changed.header("stele-position").expect("a position").to_owned();
    ada.with("stele-min-position", &position).get("user/").await.expect(200);
    server.run(&["rebuild", "--check"]).succeeded();
    server.run(&["doctor"]).succeeded();
    assert!(number_in(&position) > last, "{position}");
    number_in(&position)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_log_moves_to_postgresql_and_back_and_nobody_notices() {
    let database = Postgres::shared().database();
    let mut server = Server::at(Home::keyed(&[])).await;
    let (own, owned) =
        (format!("sqlite:{}", server.home().data().join("log.db").display()), database.url(OWNER));
    let ada = Account::named("ada");
    let tokens = ada.register(&server.api()).await;
    let last = goes_on(&server, &tokens, 0).await;

    // While the server runs most of it can be copied, but the copy is not to be used yet.
    let early = copy(server.home(), &own, &owned);
    assert_eq!(report(&early, 3)["done"], "behind", "{early:?}");
    assert!(early.stderr.contains("a server holds") && early.stderr.contains("log.db.lock"), "{early:?}");
    ada.login(&server.api()).await;
    server.stop();
    let rest = report(&copy(server.home(), &own, &owned), 0);
    assert!(rest["held_before"].as_u64() >= Some(last), "{rest}");
    database.grant("log");
    server.home_mut().set(STORE_LOG, &database.url(LOG));
    server.restart().await;
    let last = goes_on(&server, &tokens, last).await;
    Account::named("eve").register(&server.api()).await;

    let back = file(server.home(), "back.db");
    server.stop();
    copy(server.home(), &owned, &back).succeeded();
    server.home_mut().set(STORE_LOG, &back);
    server.restart().await;
    goes_on(&server, &tokens, last).await;
    let change = serde_json::json!({"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD});
    tokens.on(&server.api()).post("password/change/", change).await.expect(200);
    ada.try_login(&server.api(), NEW_PASSWORD).await.expect(200);
    Account::named("eve").login(&server.api()).await;
}
