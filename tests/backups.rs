//! An installation that is put back from dumps of its databases, made in the manual's order while people used it: it goes on where the dumps
//! stand, whatever became of the read models; and a vault that is older than the log is noticed.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::support::{
    Account, Caller, Dump, Home, LOG, Mailbox, OWNER, Postgres, SESSIONS, Server, Tokens, VAULT, VIEWS, each,
    has_mailed, together, wait_for,
};

const SOON: Duration = Duration::from_mins(1);
const CROWD: usize = 3;
const ROLES: [&str; 3] = ["api", "api", "projector,mailer"];

/// The dumps of an installation.
struct Dumps {
    log: Dump,
    vault: Dump,
    views: Option<Dump>,
}

fn dump(home: &Home, database: &str, serves: &str, owner: &str) -> Dump {
    let url = home.setting(database).replace(&format!("{serves}@"), &format!("{owner}@"));
    Dump::of(Postgres::shared(), &url)
}

fn dump_of_vault(home: &Home) -> Dump {
    dump(home, "STELE_STORE__VAULT", VAULT, OWNER)
}

impl Dumps {
    /// The same place on new databases, which hold what the dumps do; mails go to a folder of their own.
    fn restored(&self, home: &Home, mails: &str) -> Home {
        let postgres = Postgres::shared();
        let (log, vault, views) = (postgres.database(), postgres.database(), postgres.database());
        self.log.restore(postgres, &log.url(OWNER));
        self.vault.restore(postgres, &vault.url(OWNER));
        views.grant("views");
        if let Some(dump) = &self.views {
            dump.restore(postgres, &views.url(VIEWS));
        }
        let mut home = home.clone();
        home.set("STELE_STORE__LOG", &log.url(LOG));
        home.set("STELE_STORE__VAULT", &vault.url(VAULT));
        home.set("STELE_STORE__VIEWS", &views.url(VIEWS));
        home.set("STELE_MAIL__URL", &format!("file:{mails}"));
        home
    }
}

/// Logs in and out on two nodes until it is done.
async fn lives(nodes: [Caller; 2], account: Account, done: watch::Receiver<bool>) {
    account.register(&nodes[0]).await;
    while !*done.borrow() {
        let tokens = account.login(&nodes[1]).await;
        tokens.on(&nodes[0]).patch("user/", json!({"first_name": "Ada"})).await.expect(200);
        nodes[0].post("logout/", json!({"refresh": tokens.refresh()})).await.expect(200);
    }
}

/// Everyone has caught up, and the read models are what the log says.
async fn is_whole(server: &Server) {
    wait_for("the doctor finds all well", SOON, async || {
        (server.run(&["doctor"]).code == Some(0)).then_some(())
    })
    .await;
    server.run(&["rebuild", "--check"]).succeeded();
}

/// Whoever was there goes on with what he has, mails that were sent are not sent again, and new people come.
async fn goes_on(home: &Home, mails: &str, (ada, tokens): (&Account, &Tokens)) {
    let [a, b, _rest] = each(home, ROLES).await;
    for node in [&a, &b] {
        tokens.on(&node.api()).get("user/").await.expect(200);
        ada.login(&node.api()).await;
    }
    is_whole(&a).await;
    tokens.on(&b.api()).insist(SESSIONS).await.expect(200);
    tokens.refreshed(&b.api()).await;
    Account::named("late").register(&a.api()).await;
    has_mailed(&a.api()).await;
    assert_eq!(Mailbox::at(&home.path().join(mails)).all().len(), 1, "mails to others than the newcomer");
    is_whole(&b).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn log_and_vault_are_put_back_from_dumps_and_nobody_has_to_log_in_again() {
    let home = Home::on_postgres(&[]);
    let [a, b, rest] = each(&home, ROLES).await;
    let ada = Account::named("ada");
    let tokens = ada.register(&a.api()).await;
    a.has_mailed().await;
    let (views, old_vault) = (dump(&home, "STELE_STORE__VIEWS", VIEWS, VIEWS), dump_of_vault(&home));
    let (done, doing) = watch::channel(false);
    let nodes = [a.api(), b.api()];
    let people =
        (0..CROWD).map(|one| lives(nodes.clone(), Account::named(&format!("p{one}")), doing.clone()));
    let people = tokio::spawn(together(people.collect::<Vec<_>>()));
    let before = home.log().length().await;
    wait_for("people are at it", SOON, async || (home.log().length().await > before + 30).then_some(()))
        .await;
    a.has_mailed().await;
    let log = dump(&home, "STELE_STORE__LOG", LOG, OWNER);
    let mut dumps = Dumps { log, vault: dump_of_vault(&home), views: Some(views) };
    done.send_replace(true);
    people.await.unwrap();
    drop((a, b, rest));

    goes_on(&dumps.restored(&home, "older"), "older", (&ada, &tokens)).await;
    dumps.views = None;
    goes_on(&dumps.restored(&home, "none"), "none", (&ada, &tokens)).await;
    dumps.vault = old_vault;
    is_short_of_keys(&dumps.restored(&home, "short"), &ada).await;
}

/// The vault is older than the log: who was there when it was copied is served, and the others' missing keys are named.
async fn is_short_of_keys(home: &Home, ada: &Account) {
    let [a, _b, rest] = each(home, ROLES).await;
    ada.login(&a.api()).await;
    wait_for("the projector says what is missing", SOON, async || {
        rest.lines().iter().any(|line| line.contains("the vault is older than the log")).then_some(())
    })
    .await;
    wait_for("the doctor says that events wait", SOON, async || {
        let doctor = a.run(&["doctor"]);
        (doctor.code == Some(1) && doctor.stdout.contains("stuck: events wait")).then_some(())
    })
    .await;
}
