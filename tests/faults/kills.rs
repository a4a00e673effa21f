//! `kill -9` in the middle of everything, again and again on the same data: what was acknowledged holds, what was not
//! answered happened whole or not at all, and every mail that was asked for is there.

use super::stage::{Stage, Victim};
use super::town::Town;
use crate::support::{Seed, is_long};

/// A long run has ten times as many.
const ROUNDS: usize = 20;

/// The grace is long so that a slow machine still refreshes within it, and access tokens outlive the longest run.
const SETTINGS: [(&str, &str); 3] =
    [("STELE_HASH__THREADS", "2"), ("STELE_JWT__REFRESH_GRACE", "60s"), ("STELE_JWT__ACCESS_TTL", "6h")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_and_nothing_is_half_done() {
    live_through(Victim::Whole, if is_long() { ROUNDS * 10 } else { ROUNDS }).await;
}

/// The same on PostgreSQL, where requests, read models and mails are each the work of a process of its own.
mod on_postgres {
    use super::*;

    /// A long run has ten times as many.
    const ROUNDS: usize = 5;

    macro_rules! kills {
        ($($name:ident: $victim:expr,)*) => {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
            async fn $name() {
                live_through($victim, if is_long() { ROUNDS * 10 } else { ROUNDS }).await;
            })*
        };
    }

    kills! {
        of_a_process_that_takes_requests: Victim::Api,
        of_the_projector: Victim::Projector,
        of_the_mailer: Victim::Mailer,
        of_the_server_of_the_databases: Victim::Postgres,
    }
}

async fn live_through(victim: Victim, rounds: usize) {
    let mut town = Town::around(Stage::set(victim, &SETTINGS).await, Seed::of("kills"));
    for _ in 0..rounds {
        let doubles = town.round(async |stage| stage.strike()).await;
        assert!(doubles <= 1, "one kill, and {doubles} mails came twice");
    }
    town.ends_well().await;
    town.tell(&format!("kills of {victim:?}"));
}
