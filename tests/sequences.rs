//! Any sequence of calls, one by one and at once, leaves one holder to each name, no live token to a dead session, read
//! models that agree with the log, and each mail sent once. `STELE_TEST_SEED` plays the sequences of a run again, or the
//! one that failed, and others after it.

mod call;
mod draw;
mod model;
mod play;

use std::iter;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::task::{JoinSet, LocalSet};

use crate::support::{Post, Seed, Server, is_long};
use play::{Stage, Story};

/// In each mode; a long run has fifty times as many.
const SEQUENCES: u64 = 100;
/// On one server, before there is a fresh one.
const ON_ONE_SERVER: usize = 500;
const AT_ONCE: usize = 8;
const STEPS: u64 = 12;
/// How often the first sequence is played besides, where a seed is asked for: what happens at once may be taken in another
/// order.
const REPEATS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_of_calls_hold_to_the_model_with_tokens_that_rotate() {
    hold("jwt").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_of_calls_hold_to_the_model_with_keys() {
    hold("key").await;
}

async fn hold(tokens: &str) {
    let first = Seed::of(&format!("sequences with {tokens}"));
    let count = if is_long() { SEQUENCES * 50 } else { SEQUENCES };
    let again = if Seed::is_asked() { REPEATS } else { 0 };
    let repeated = iter::repeat_n(first, again);
    let seeds: Vec<Seed> = repeated.chain((0..count).map(|number| first.nth(number))).collect();
    for seeds in seeds.chunks(ON_ONE_SERVER) {
        hold_on_one_server(tokens, seeds).await;
    }
}

async fn hold_on_one_server(tokens: &str, seeds: &[Seed]) {
    let settings =
        [("STELE_AUTH__TOKENS", tokens), ("STELE_JWT__REFRESH_GRACE", "0s"), ("STELE_HASH__THREADS", "2")];
    let server = Server::start(&settings).await;
    let stage = Arc::new(Stage {
        api: server.api(),
        post: Post::of(&server.home().data().join("mail")),
        has_refresh: tokens == "jwt",
        begun: AtomicUsize::new(0),
    });
    let lanes = (0..AT_ONCE).map(|lane| {
        let seeds: Vec<Seed> = seeds.iter().skip(lane).step_by(AT_ONCE).copied().collect();
        let stage = Arc::clone(&stage);
        async move {
            for seed in seeds {
                stage.play(seed, &steps()).await.map_err(|story| (seed, story))?;
            }
            Ok(())
        }
    });
    let failed: Option<(Seed, Story)> = LocalSet::new()
        .run_until(async {
            let mut playing = JoinSet::new();
            for lane in lanes {
                playing.spawn_local(lane);
            }
            // The first that fails ends the others.
            while let Some(ended) = playing.join_next().await {
                let ended: Result<(), (Seed, Story)> = ended.expect("no lane panics");
                if let Err(failed) = ended {
                    return Some(failed);
                }
            }
            None
        })
        .await;
    if let Some((seed, story)) = failed {
        let story = shrink(&stage, seed).await.unwrap_or(story);
        panic!("STELE_TEST_SEED={} breaks a promise with {tokens}:\n{story}", seed.number());
    }
    server.run(&["rebuild", "--check"]).succeeded();
}

fn steps() -> Vec<u64> {
    (0..STEPS).collect()
}

/// Leaves out each step without which the sequence still fails; none if it does not fail again.
async fn shrink(stage: &Stage, seed: Seed) -> Option<Story> {
    let mut steps = steps();
    let mut shortest = fails(stage, seed, &steps).await?;
    for step in (0..STEPS).rev() {
        let fewer: Vec<u64> = steps.iter().copied().filter(|kept| *kept != step).collect();
        if let Some(story) = fails(stage, seed, &fewer).await {
            (steps, shortest) = (fewer, story);
        }
    }
    Some(shortest)
}

/// How it fails, if it does so in a few plays.
async fn fails(stage: &Stage, seed: Seed, steps: &[u64]) -> Option<Story> {
    for _ in 0..3 {
        if let Err(story) = stage.play(seed, steps).await {
            return Some(story);
        }
    }
    None
}
