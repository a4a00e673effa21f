//! A rebuild that is killed, what is left of it, and two at once.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{Account, SESSIONS, Server, open_views, together, wait_for};

use super::{assert_same, report};

/// Kills, at a later moment each.
const KILLS: u64 = 12;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_killed_leaves_the_live_models_as_they_are() {
    let server = Server::start(&[("STELE_HASH__THREADS", "2")]).await;
    let api = server.api();
    let accounts: Vec<Account> = (0..20).map(|number| Account::named(&format!("ann-{number}"))).collect();
    let tokens = together(accounts.iter().map(|account| {
        let (api, account) = (api.clone(), account.clone());
        async move { account.register(&api).await }
    }))
    .await;
    let ann = tokens[0].on(&api);
    ann.insist(SESSIONS).await.expect(200);
    let mut ended = 0;
    for kill in 0..KILLS {
        let mut command = server.home().command(&["rebuild"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut rebuild = command.spawn().unwrap();
        // Its lines come as its steps begin: each kill waits for one more of them, so that all steps are met.
        let lines = std::io::BufRead::lines(std::io::BufReader::new(rebuild.stderr.take().unwrap()));
        lines.take(usize::try_from(kill % 6).unwrap()).for_each(drop);
        rebuild.kill().unwrap();
        ended += u64::from(rebuild.wait().unwrap().success());
        ann.get("user/").await.expect(200);
        ann.get(SESSIONS).await.expect(200);
        let checked = server.run(&["rebuild", "--check", "--json"]);
        assert_same(&report(checked));
    }
    assert!(ended < KILLS, "some were killed");
    assert_same(&report(server.run(&["rebuild", "--json"])));
    let left: Vec<String> = std::fs::read_dir(server.home().data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".rebuild"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_server_that_starts_removes_what_rebuilds_left_behind_and_what_they_replaced_long_ago() {
    let mut server = Server::start(&[]).await;
    Account::named("ann").register(&server.api()).await.on(&server.api()).insist(SESSIONS).await.expect(200);
    server.run(&["rebuild"]).succeeded();
    server.stop();
    let mut views = open_views(server.home()).await;
    let long_ago = "update kept_switch set at = at - 8 * 24 * 60 * 60 * 1000000";
    for sql in ["create table users_next as select * from users", long_ago] {
        sqlx::query(sql).execute(&mut views).await.unwrap();
    }
    server.restart().await;
    wait_for("the server removes it", PATIENCE, async || {
        let sql = "select count(*) from sqlite_master where type = 'table' and name glob 'users_*'";
        let left: i64 = sqlx::query_scalar(sql).fetch_one(&mut views).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    let refused = server.run(&["rebuild", "--rollback"]);
    assert!(refused.stderr.contains("no earlier read models"), "{refused:?}");
}

#[tokio::test]
async fn of_two_rebuilds_at_once_the_second_is_refused_in_one_line() {
    let server = Server::start(&[]).await;
    Account::named("ann").register(&server.api()).await;
    let path = server.home().data().join("views.db.rebuild.lock");
    let lock = std::fs::File::options().append(true).create(true).open(path).unwrap();
    lock.lock().unwrap();
    let refused = server.run(&["rebuild"]);
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(1), 1), "{refused:?}");
    assert!(refused.stderr.contains("another rebuild is under way"), "{refused:?}");
    drop(lock);
    server.run(&["rebuild"]).succeeded();
}
