//! `kill -9` of the log's server while eight write, again and again on what it kept: what was acknowledged holds.

use std::time::Duration;

use super::troupe::Troupe;
use crate::support::{Home, KurrentProcess, Seed, Server, is_long, wait_for};

/// A long run has ten times as many.
const ROUNDS: usize = 4;
const WRITERS: usize = 8;
/// In each round so many of them come anew.
const NEWCOMERS: usize = 3;
/// It dies after so many appends of a round, at most.
const APPENDS: usize = 30;
const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_of_the_log_s_server() {
    let mut kurrent = KurrentProcess::start().await;
    let env = [("STELE_AUTH__TOKENS", "jwt"), ("STELE_JWT__REFRESH_GRACE", "60s")];
    let server = Server::at(Home::on_kurrent(&kurrent.url(), &env)).await;
    let mut dice = Seed::of("kills of KurrentDB").dice(0);
    let mut troupe = Troupe::new(WRITERS, NEWCOMERS);
    for _ in 0..if is_long() { ROUNDS * 10 } else { ROUNDS } {
        let api = server.api();
        let last = kurrent.served("append") + 1 + dice.below(APPENDS) as u64;
        let kill = async {
            wait_for("it has taken some appends", SOON, async || {
                (kurrent.served("append") >= last).then_some(())
            })
            .await;
            kurrent.kill9();
            kurrent.begin().await;
        };
        tokio::join!(troupe.write(&api), kill);
        troupe.check(&api).await;
    }
    troupe.check_all(&server).await;
}
