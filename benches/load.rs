//! The load generator: clients on connections of their own, all on one thread, so that what it takes of the machine can be
//! told. Knows neither who is asked nor what.

pub(crate) mod clients;
mod noted;
mod steps;
mod wire;

use std::{cell::Cell, net::SocketAddr, pin::pin, rc::Rc, thread, time::Duration};

use tokio::{
    runtime::Builder,
    sync::oneshot,
    task::{JoinSet, LocalSet},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use crate::{
    failed::{Failed, Outcome},
    figures::Latencies,
    machine,
    process::Process,
};

pub(crate) use noted::{Noted, forgotten, noted};
pub(crate) use steps::rate_of;
pub(crate) use wire::{Answer, Connection, request};

/// What one client does, again and again.
pub(crate) trait Client: Send + 'static {
    /// Writes the next request.
    fn ask(&mut self, out: &mut Vec<u8>);

    /// Looks at its answer; an error ends the measurement.
    fn take(&mut self, answer: &Answer<'_>) -> Outcome<()>;
}

/// How a server is to be loaded.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    address: SocketAddr,
    pid: u32,
    /// Before anything counts.
    warm: Duration,
    span: Duration,
    /// How often each client asks; without it, as soon as it is answered.
    every: Option<Duration>,
}

impl Plan {
    /// Each client asks again as soon as it is answered.
    pub(crate) fn closed(server: &Process, warm: Duration, span: Duration) -> Self {
        Self { address: server.address, pid: server.pid(), warm, span, every: None }
    }

    /// Each client asks at fixed times, however long the answers take.
    pub(crate) fn open(server: &Process, every: Duration, span: Duration) -> Self {
        let warm = Duration::from_millis(300);
        Self { address: server.address, pid: server.pid(), warm, span, every: Some(every) }
    }
}

/// What a load came to.
pub(crate) struct Load<C> {
    /// Answers a second.
    pub(crate) rate: f64,
    pub(crate) latencies: Latencies,
    pub(crate) shares: Shares,
    pub(crate) clients: Vec<C>,
}

/// How many cores generator and server took, and all others on the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) generator: f64,
    pub(crate) server: f64,
    pub(crate) others: f64,
}

/// Runs all clients over one span.
pub(crate) async fn run<C: Client>(plan: Plan, clients: Vec<C>) -> Outcome<Load<C>> {
    on_its_own_thread(move || drive(plan, clients)).await
}

/// Runs a future on a thread and a runtime of its own.
pub(crate) async fn on_its_own_thread<F, T>(make: impl FnOnce() -> F + Send + 'static) -> Outcome<T>
where
    F: Future<Output = Outcome<T>>,
    T: Send + 'static,
{
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("load".to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let outcome = runtime
            .map_err(Failed::from)
            .and_then(|runtime| runtime.block_on(LocalSet::new().run_until(make())));
        // Nobody waits any more where the bench was told to stop.
        _ = tell.send(outcome);
    })?;
    told.await.map_err(|_| Failed::ThreadEnded)?
}

/// The body of one answer.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Outcome<String> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.exchange(&request("GET", path, None, None)).await?;
    Ok(answer.body.to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Warm,
    Counting,
    Over,
}

async fn drive<C: Client>(plan: Plan, clients: Vec<C>) -> Outcome<Load<C>> {
    let phase = Rc::new(Cell::new(Phase::Warm));
    let mut talks = JoinSet::new();
    let (start, count) = (Instant::now(), u32::try_from(clients.len()).unwrap_or(u32::MAX));
    for (number, client) in (0..).zip(clients) {
        let connection = Connection::open(plan.address).await?;
        let times = plan.every.map(|every| (start + every * number / count.max(1), every));
        talks.spawn_local(talk(connection, client, times, Rc::clone(&phase)));
    }
    let mut window = pin!(window(plan, &phase));
    let (mut measured, mut ended, mut waits) = (None, Vec::new(), Vec::new());
    while measured.is_none() || !talks.is_empty() {
        tokio::select! {
            over = &mut window, if measured.is_none() => measured = Some(over),
            Some(talked) = talks.join_next() => {
                let (client, waited) = talked.map_err(|_| Failed::ThreadEnded)??;
                ended.push(client);
                waits.extend(waited);
            }
        }
    }
    let (seconds, shares) = measured.ok_or(Failed::ThreadEnded)??;
    let latencies = Latencies::new(waits);
    Ok(Load { rate: latencies.count() / seconds, latencies, shares, clients: ended })
}

/// Says when answers count and when it is over. Answers for how many seconds they did, and who took what meanwhile.
async fn window(plan: Plan, phase: &Cell<Phase>) -> Outcome<(f64, Shares)> {
    let taken = || {
        let (own, server) = (machine::seconds_of_this_thread()?, machine::seconds_of_process(plan.pid)?);
        Ok::<_, Failed>([own, server, machine::seconds_of_all()? - own - server])
    };
    sleep(plan.warm).await;
    phase.set(Phase::Counting);
    let (from, before) = (Instant::now(), taken()?);
    sleep(plan.span).await;
    phase.set(Phase::Over);
    let (seconds, after) = (from.elapsed().as_secs_f64(), taken()?);
    let ([own, server, others], [own_before, server_before, others_before]) = (after, before);
    let shares = Shares {
        generator: (own - own_before) / seconds,
        server: (server - server_before) / seconds,
        others: (others - others_before) / seconds,
    };
    Ok((seconds, shares))
}

/// One client's life. An answer counts when it comes within the span, and from the moment it should have been asked for:
/// whoever had to wait with asking waited for the server.
async fn talk<C: Client>(
    mut connection: Connection,
    mut client: C,
    times: Option<(Instant, Duration)>,
    phase: Rc<Cell<Phase>>,
) -> Outcome<(C, Vec<Duration>)> {
    let (mut waits, mut bytes) = (Vec::new(), Vec::new());
    let mut ticks = times.map(|(first, every)| {
        let mut ticks = interval_at(first, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        ticks
    });
    while phase.get() != Phase::Over {
        let since = match &mut ticks {
            None => Instant::now(),
            Some(ticks) => {
                let before = Instant::now();
                let due = ticks.tick().await;
                // Timers are late by up to a millisecond, for which the server is not to blame.
                if due < before { due } else { Instant::now() }
            }
        };
        bytes.clear();
        client.ask(&mut bytes);
        client.take(&connection.exchange(&bytes).await?)?;
        if phase.get() == Phase::Counting {
            waits.push(since.elapsed());
        }
    }
    Ok((client, waits))
}
