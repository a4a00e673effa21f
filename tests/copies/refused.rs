//! What a copy refuses, in one line and before it writes anything.

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::{Held, copy, file, filled};
use crate::support::{Home, LOG, OWNER, Postgres, Ran, Server};

#[track_caller]
fn in_one_line(refused: &Ran, why: &str) {
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{why}: {refused:?}");
}

#[tokio::test]
async fn a_target_that_holds_anything_else_stays_as_it_is() {
    let (home, elsewhere) = (Home::new(&[]), Home::new(&[]));
    let source = filled::log(&home, 50).await;
    let other = filled::log(&elsewhere, 60).await;
    let held = Held::at(&other).await;
    in_one_line(&copy(&home, &source, &other), "up to position 60; give one that is empty");
    assert_eq!(Held::at(&other).await, held);

    let target = file(&home, "target.db");
    copy(&home, &source, &target).succeeded();
    let mut log = SqliteConnection::connect(target.trim_start_matches("sqlite:")).await.unwrap();
    filled::append(&mut log, 51, 53).await;
    let held = Held::at(&target).await;
    in_one_line(&copy(&home, &source, &target), "ahead of the source");
    let mut log = SqliteConnection::connect(source.trim_start_matches("sqlite:")).await.unwrap();
    filled::append(&mut log, 51, 60).await;
    in_one_line(&copy(&home, &source, &target), "at position 51 it holds another event");
    assert_eq!(Held::at(&target).await, held);
}

#[tokio::test]
async fn what_can_not_be_a_log_is_refused() {
    let home = Home::new(&[]);
    let source = filled::log(&home, 10).await;
    let vault = format!("sqlite:{}", home.data().join("vault.db").display());
    let target = file(&home, "target.db");
    for (from, to, why) in [
        (source.as_str(), source.as_str(), "the same database"),
        (&file(&home, "missing.db"), &target, "missing.db does not exist"),
        (&source, &vault, "vault.db"),
        (&source, "esdb://admin:hunter2@localhost?maxAge=3", "--to can't be used"),
        #[cfg(feature = "kurrent")]
        (&source, "esdb://admin:hunter2@localhost:1?tls=false", "can't be reached"),
        (&source, "mysql://ada:hunter2@localhost/log", "--to can't be used"),
        ("postgres://ada:hunter2@localhost/log?pooler=transaction", &target, "behind a pooler"),
        ("postgres://ada:hunter2@localhost:1/log", &target, "can't be reached"),
    ] {
        let refused = copy(&home, from, to);
        in_one_line(&refused, why);
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_target_that_a_server_uses_is_refused() {
    let home = Home::new(&[]);
    let source = filled::log(&home, 10).await;
    let server = Server::start(&[]).await;
    let target = format!("sqlite:{}", server.home().data().join("log.db").display());
    in_one_line(&copy(&home, &source, &target), "is in use: a server holds");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_target_on_postgresql_that_others_are_connected_to_is_refused_and_so_is_a_role_that_may_not() {
    let home = Home::new(&[]);
    let (source, database) = (filled::log(&home, 10).await, Postgres::shared().database());
    let (owned, served) = (database.url(OWNER), database.url(LOG));
    Home::keyed(&[("STELE_STORE__LOG", &owned)]).run(&["migrate"], "").succeeded();
    database.grant("log");
    let held = Held::at(&owned).await;
    let other = PgConnection::connect(&served).await.unwrap();
    in_one_line(&copy(&home, &source, &owned), "stele_log");
    drop(other);
    in_one_line(&copy(&home, &source, &served), "copy as the role that owns the tables");
    assert_eq!(Held::at(&owned).await, held);
    copy(&home, &source, &owned).succeeded();
}
