//! `./bench pool`: the threads that hash passwords, held against a loop around Argon2 on as many threads.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use ::api::password::{HashPool, PoolError, PoolLimits, Secret};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    api::pool_alone,
    failed::{Failed, Outcome},
    figures::{Latencies, Line, Unit, grouped},
    load, machine,
    report::Table,
    rounds::{ROUNDS, Rounds},
    seed::PASSWORD,
};

const SPAN: Duration = Duration::from_secs(2);
/// What Stele hashes with: KiB, passes, lanes.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many callers come at once when the pool is full, and how many it takes.
const CROWD: u32 = 1000;
const QUEUE: usize = 64;

pub(crate) async fn measure() -> Outcome<Table> {
    let (mut rounds, mut refusals) = (Rounds::default(), Vec::new());
    for _ in 0..ROUNDS {
        rounds.push(pool_alone(SPAN).await?, argon2_alone(SPAN).await?);
        refusals.push(load::on_its_own_thread(refused).await?.percentile(99));
    }
    let lines = vec![
        rounds.line("hashes", "Argon2 in a loop on as many threads"),
        Line::new("a refusal while the queue is full, p99", Unit::Milliseconds, &refusals)
            .detail(format!("{} callers at once, of whom the queue takes {QUEUE}", grouped(CROWD))),
    ];
    Ok(Table { name: "pool", on: None, about: "The threads that hash passwords", lines })
}

/// Hashes a second of threads that do nothing else, each in one arena of its own.
async fn argon2_alone(span: Duration) -> Outcome<f64> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| Failed::NotHashed)?;
    let (over, hashed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let threads: Vec<_> = (0..machine::hash_threads())
        .map(|_| {
            let (over, hashed, params) = (Arc::clone(&over), Arc::clone(&hashed), params.clone());
            thread::spawn(move || {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let mut arena = vec![Block::new(); argon2.params().block_count()];
                let mut out = [0; 32];
                while !over.load(Relaxed) {
                    let done = argon2.hash_password_into_with_memory(
                        PASSWORD.as_bytes(),
                        b"sixteen bytes ..",
                        black_box(&mut out),
                        &mut arena,
                    );
                    hashed.fetch_add(u32::from(done.is_ok()), Relaxed);
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(300)).await;
    let (from, before) = (Instant::now(), hashed.load(Relaxed));
    sleep(span).await;
    let rate = f64::from(hashed.load(Relaxed) - before) / from.elapsed().as_secs_f64();
    over.store(true, Relaxed);
    for thread in threads {
        thread.join().map_err(|_| Failed::ThreadEnded)?;
    }
    Ok(rate)
}

/// How long those wait whom a full pool refuses.
async fn refused() -> Outcome<Latencies> {
    let limits =
        PoolLimits { threads: machine::hash_threads(), queue: QUEUE, deadline: Duration::from_secs(10) };
    let pool = HashPool::start(limits)?;
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let pool = pool.clone();
        crowd.spawn_local(async move {
            let asked = Instant::now();
            let verdict = match pool.enter(&number.to_string()) {
                Ok(seat) => pool.verify(seat, Secret::new(PASSWORD.to_owned()), None).await,
                Err(busy) => Err(busy.into()),
            };
            matches!(verdict, Err(PoolError::Busy(_))).then(|| asked.elapsed())
        });
    }
    let mut waits = Vec::new();
    while let Some(waited) = crowd.join_next().await {
        waits.extend(waited.map_err(|_| Failed::ThreadEnded)?);
    }
    Ok(Latencies::new(waits))
}
