//! The threads that hash passwords, and the bounded queue before them: a flood of logins is answered with "busy" and
//! neither takes memory nor starves the runtime. Must not know what is done with a verdict.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use store::chain;
use tokio::{sync::oneshot, time::timeout};

use super::{
    Secret,
    arena::Arena,
    encoded::{self, EncodedError, Verdict},
};

/// How far the threads stand back behind all others, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// At least one is started.
    pub threads: usize,
    /// How many passwords may wait for a thread.
    pub queue: usize,
    /// How long one may wait. Hashing that has begun is ended, however late.
    pub deadline: Duration,
}

/// The queue is full, or the wait was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being hashed; try again in {retry_after} s")]
pub struct Busy {
    /// Seconds, from 1 to 3, spread over the callers so that they don't all come back at once.
    pub retry_after: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("a password can't be compared with what is stored")]
    Failed(#[from] EncodedError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCounts {
    /// Passwords that wait now.
    pub queued: usize,
    /// Hashes computed since the start.
    pub hashed: u64,
    /// How often "busy" was answered since the start.
    pub refused: u64,
}

/// Cheap to clone. The threads end when the last clone is gone.
#[derive(Clone)]
pub struct HashPool {
    jobs: SyncSender<Job>,
    room: Arc<Room>,
    counters: Arc<Counters>,
    deadline: Duration,
}

/// A seat in the queue or at a thread, kept until the work is done or given up. Whoever has something else to do before he
/// needs a hash takes one first, so that a flood is turned away before it costs anything.
#[derive(Debug, Clone)]
pub struct Seat(#[expect(dead_code, reason = "the seat is free when its last owner is gone")] Arc<Seated>);

/// Seats for those who wait and those who are served.
#[derive(Debug)]
struct Room(Mutex<Seats>);

#[derive(Debug)]
struct Seats {
    free: usize,
    /// How many each party has.
    taken: HashMap<String, usize>,
}

#[derive(Debug)]
struct Seated {
    room: Arc<Room>,
    party: String,
}

impl Room {
    /// A party that has as many seats as are free gets no more: whoever comes alone can have half of them, and there is
    /// room for the next.
    fn admit(self: &Arc<Self>, party: &str) -> Option<Seat> {
        let mut seats = self.seats();
        let Seats { free, taken } = &mut *seats;
        if taken.get(party).copied().unwrap_or_default() >= *free {
            return None;
        }
        *free -= 1;
        *taken.entry(party.to_owned()).or_default() += 1;
        drop(seats);
        Some(Seat(Arc::new(Seated { room: Arc::clone(self), party: party.to_owned() })))
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let mut seats = self.room.seats();
        seats.free += 1;
        if let Entry::Occupied(mut taken) = seats.taken.entry(mem::take(&mut self.party)) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[derive(Default)]
struct Counters {
    queued: AtomicUsize,
    hashed: AtomicU64,
    refused: AtomicU64,
}

struct Job {
    since: Instant,
    deadline: Duration,
    /// Taken by whoever is first: a thread that begins, or a caller who gives up.
    taken: Arc<AtomicBool>,
    work: Box<dyn FnOnce(&mut Arena) + Send>,
    _seat: Seat,
}

impl HashPool {
    /// Fails if the system starts no more threads.
    pub fn start(limits: PoolLimits) -> Result<Self, io::Error> {
        let threads = limits.threads.max(1);
        let seats = limits.queue.saturating_add(threads);
        let (jobs, queue) = sync_channel(seats);
        let (queue, counters) = (Arc::new(Mutex::new(queue)), Arc::new(Counters::default()));
        for number in 0..threads {
            let (queue, counters) = (Arc::clone(&queue), Arc::clone(&counters));
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work_off(&queue, &counters))?;
        }
        let room = Arc::new(Room(Mutex::new(Seats { free: seats, taken: HashMap::new() })));
        Ok(Self { jobs, room, counters, deadline: limits.deadline })
    }

    /// Takes a seat for one of a party, whatever it is: those who share a network, say. A crowd of one party leaves seats
    /// for others.
    pub fn enter(&self, party: &str) -> Result<Seat, Busy> {
        self.room.admit(party).ok_or_else(|| self.refuse())
    }

    /// Hashes a new password; the string is what to store.
    pub async fn hash(&self, seat: Seat, password: Secret, salt: [u8; 16]) -> Result<String, Busy> {
        let hashed = self.run(seat, move |arena| encoded::hash(password.as_str(), salt, arena)).await?;
        hashed.map_err(|error| self.unhashed(&error))
    }

    /// Compares a password with its stored form. `None` is for a user who is not known: the verdict is `Wrong`, at the
    /// cost of a wrong password.
    pub async fn verify(
        &self,
        seat: Seat,
        password: Secret,
        encoded: Option<String>,
    ) -> Result<Verdict, PoolError> {
        let verify = move |arena: &mut Arena| encoded::verify(password.as_str(), encoded.as_deref(), arena);
        self.run(seat, verify).await?.map_err(|error| match error {
            EncodedError::Unhashed(_) => self.unhashed(&error).into(),
            EncodedError::Unknown | EncodedError::OutOfBounds => PoolError::Failed(error),
        })
    }

    /// Without memory for a hash, it is as if every thread were taken.
    fn unhashed(&self, error: &EncodedError) -> Busy {
        tracing::error!(error = chain(error), "a password was not hashed");
        self.refuse()
    }

    pub fn counts(&self) -> PoolCounts {
        let Counters { queued, hashed, refused } = &*self.counters;
        PoolCounts {
            queued: queued.load(Relaxed),
            hashed: hashed.load(Relaxed),
            refused: refused.load(Relaxed),
        }
    }

    /// Does `work` on one of the threads. If it panics, the caller is told that the pool is busy.
    async fn run<T: Send + 'static>(
        &self,
        seat: Seat,
        work: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (reply, mut answer) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        self.enqueue(Job {
            since: Instant::now(),
            deadline: self.deadline,
            taken: Arc::clone(&taken),
            work: Box::new(move |arena| {
                if !reply.is_closed() {
                    drop(reply.send(work(arena)));
                }
            }),
            _seat: seat,
        })?;
        let answered = match timeout(self.deadline, &mut answer).await {
            Ok(answered) => answered,
            Err(_) if taken.swap(true, Relaxed) => answer.await,
            Err(_) => return Err(self.refuse()),
        };
        answered.map_err(|_| self.refuse())
    }

    fn enqueue(&self, job: Job) -> Result<(), Busy> {
        self.counters.queued.fetch_add(1, Relaxed);
        self.jobs.try_send(job).map_err(|_| {
            self.counters.queued.fetch_sub(1, Relaxed);
            self.refuse()
        })
    }

    fn refuse(&self) -> Busy {
        Busy { retry_after: 1 + self.counters.refused.fetch_add(1, Relaxed) % 3 }
    }
}

/// Lets everyone else go first: a hash takes a core for tens of milliseconds, and who waits for one has time. Where other work
/// takes all cores, half as many are hashed as if both counted the same.
#[cfg(target_os = "linux")]
fn step_back() {
    // Only Linux gives each thread a priority of its own. Without, hashing is as urgent as the rest.
    _ = rustix::process::nice(NICENESS);
}

#[cfg(not(target_os = "linux"))]
const fn step_back() {}

/// The life of one thread.
fn work_off(queue: &Mutex<Receiver<Job>>, counters: &Counters) {
    step_back();
    let mut arena = Arena::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        counters.queued.fetch_sub(1, Relaxed);
        if job.since.elapsed() >= job.deadline || job.taken.swap(true, Relaxed) {
            continue;
        }
        let before = arena.hashed();
        let outcome = catch_unwind(AssertUnwindSafe(|| (job.work)(&mut arena)));
        counters.hashed.fetch_add(arena.hashed() - before, Relaxed);
        if outcome.is_err() {
            tracing::error!("hashing a password panicked");
            arena = Arena::default();
        }
    }
}
