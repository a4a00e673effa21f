//! What is served while a PostgreSQL is away, and that all goes on by itself when it is back.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Account, Caller, Home, Postgres, Server, Servers, comes_back_later, wait_for};

const SOON: Duration = Duration::from_secs(30);

async fn are_well<const N: usize>(api: &Caller, parts: [&str; N]) -> [Value; N] {
    let report = api.get("/health/ready").await.json();
    parts.map(|part| report["parts"][part]["ok"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_needs_a_new_key_waits_for_the_vault_and_goes_on_when_its_server_is_back() {
    let own = Postgres::start();
    let server =
        Server::at(Home::on(&Servers { vault: &own, ..Servers::all(Postgres::shared()) }, &[])).await;
    let api = server.api();
    let account = Account::named("patient");
    let tokens = account.register(&api).await;
    for (name, end) in [("stopped", Postgres::stop as fn(&Postgres)), ("killed", Postgres::kill)] {
        end(&own);
        let late = Account::named(name);
        comes_back_later(&api.post("registration/", late.registration()).await, 503);
        assert_eq!(are_well(&api, ["log", "views", "vault"]).await, [true, true, false], "{name}");
        api.get("/health/ready").await.expect(503);
        // What needs no key is served.
        api.post("token/verify/", serde_json::json!({"token": tokens.access()})).await.expect(200);
        own.begin();
        wait_for("the server is ready again", SOON, async || {
            (api.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        late.register(&api).await;
        account.login(&api).await;
    }
}
