//! The pool under load, told apart by counts and by locks that the tests hold, never by how long something took.

use std::{
    pin::{Pin, pin},
    sync::mpsc::{Receiver, Sender, channel},
    task::Poll,
};

use tokio::task::JoinHandle;

use super::*;

const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

fn pool(queue: usize, deadline: Duration) -> HashPool {
    HashPool::start(PoolLimits { threads: 1, queue, deadline }).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A seat for someone who has come alone.
fn seat(pool: &HashPool) -> Seat {
    static GUESTS: AtomicUsize = AtomicUsize::new(0);
    pool.enter(&GUESTS.fetch_add(1, Relaxed).to_string()).unwrap()
}

/// Keeps the pool's only thread busy until the returned sender is dropped.
async fn occupy(pool: &HashPool) -> Sender<()> {
    begin_slowly(pool).await.0
}

/// Work that has begun, and is done when the returned sender is dropped. It is asked for again where its thread came to it too late.
async fn begin_slowly(pool: &HashPool) -> (Sender<()>, JoinHandle<Result<&'static str, Busy>>) {
    let beginning = async {
        loop {
            let (release, held): (Sender<()>, Receiver<()>) = channel();
            let (begun, begins) = oneshot::channel();
            let work = move |_: &mut Arena| {
                _ = begun.send(());
                _ = held.recv();
                "done"
            };
            let pool = pool.clone();
            let slow = tokio::spawn(async move { pool.run(seat(&pool), work).await });
            if begins.await.is_ok() {
                return (release, slow);
            }
        }
    };
    timeout(PATIENCE, beginning).await.unwrap()
}

/// Polls a future once; it must have to wait.
async fn begin<F: Future>(mut future: Pin<&mut F>) {
    let waits = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await;
    assert!(waits);
}

/// Waits until everything that was queued was looked at.
async fn drained(pool: &HashPool) {
    let emptied = async {
        while pool.counts().queued > 0 {
            tokio::task::yield_now().await;
        }
        while pool.run(seat(pool), |_| ()).await.is_err() {}
    };
    timeout(PATIENCE, emptied).await.unwrap();
}

#[tokio::test]
async fn a_hash_verifies_on_the_pool() {
    let pool = pool(4, LONG);
    let stored = pool.hash(seat(&pool), secret("Corr3ct-horse"), [7; 16]).await.unwrap();
    assert_eq!(
        pool.verify(seat(&pool), secret("Corr3ct-horse"), Some(stored.clone())).await.unwrap(),
        Verdict::Right
    );
    assert_eq!(
        pool.verify(seat(&pool), secret("corr3ct-horse"), Some(stored)).await.unwrap(),
        Verdict::Wrong
    );
    assert_eq!(pool.counts().refused, 0);
}

#[tokio::test]
async fn an_unknown_user_costs_a_hash() {
    let pool = pool(4, LONG);
    assert_eq!(pool.verify(seat(&pool), secret("anything"), None).await.unwrap(), Verdict::Wrong);
    drained(&pool).await;
    assert_eq!(pool.counts().hashed, 1);
}

#[tokio::test]
async fn a_stored_hash_out_of_bounds_fails_and_is_not_computed() {
    let pool = pool(4, LONG);
    let stored = "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1a3IsJWNFgRCUKhYtu1JQ";
    let failed = pool.verify(seat(&pool), secret("anything"), Some(stored.to_owned())).await;
    assert!(matches!(failed, Err(PoolError::Failed(EncodedError::OutOfBounds))), "{failed:?}");
    drained(&pool).await;
    assert_eq!(pool.counts().hashed, 0);
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once() {
    let pool = pool(2, LONG);
    let release = occupy(&pool).await;
    let mut waiting = [
        Box::pin(pool.verify(seat(&pool), secret("one"), None)),
        Box::pin(pool.verify(seat(&pool), secret("two"), None)),
    ];
    for waits in &mut waiting {
        begin(waits.as_mut()).await;
    }
    assert_eq!(pool.counts().queued, 2);

    let after: Vec<u64> = [pool.enter("third"), pool.enter("fourth"), pool.enter("fifth")]
        .map(|refused| refused.unwrap_err().retry_after)
        .to_vec();

    assert_eq!(after, [1, 2, 3]);
    assert_eq!(pool.counts(), PoolCounts { queued: 2, hashed: 0, refused: 3 });
    drop(release);
    for waits in waiting {
        assert_eq!(waits.await.unwrap(), Verdict::Wrong);
    }
}

#[tokio::test]
async fn a_crowd_of_one_party_leaves_seats_for_others() {
    let pool = pool(7, LONG);
    let crowd: Vec<Seat> = (0..20).filter_map(|_| pool.enter("crowd").ok()).collect();
    assert_eq!(crowd.len(), 4);
    let other: Vec<Seat> = (0..20).filter_map(|_| pool.enter("other").ok()).collect();
    assert_eq!(other.len(), 2);
    assert!(pool.enter("third").is_ok());

    drop((crowd, other));
    assert_eq!((0..20).filter_map(|_| pool.enter("other").ok()).collect::<Vec<_>>().len(), 4);
    assert!(pool.room.seats().taken.is_empty());
}

#[tokio::test]
async fn a_seat_is_taken_until_the_work_is_done_even_if_its_owner_has_gone() {
    let pool = pool(1, LONG);
    let release = occupy(&pool).await;
    let mut gone = Box::pin(pool.verify(seat(&pool), secret("gone"), None));
    begin(gone.as_mut()).await;
    drop(gone);
    assert!(pool.enter("next").is_err());
    drop(release);
    drained(&pool).await;
    assert!(pool.enter("next").is_ok());
}

#[tokio::test]
async fn a_job_that_waited_too_long_is_answered_busy_and_never_hashed() {
    let pool = pool(4, SHORT);
    let release = occupy(&pool).await;
    let late = pool.verify(seat(&pool), secret("late"), None).await;
    assert!(matches!(late, Err(PoolError::Busy(_))), "{late:?}");
    drop(release);
    drained(&pool).await;
    assert_eq!(pool.counts().hashed, 0);
}

#[tokio::test]
async fn a_thread_that_comes_too_late_to_a_job_drops_it() {
    let pool = pool(4, SHORT);
    let release = occupy(&pool).await;
    let mut late = pin!(pool.verify(seat(&pool), secret("late"), None));
    begin(late.as_mut()).await;
    let asked = Instant::now();
    while asked.elapsed() < SHORT {
        std::hint::spin_loop();
    }
    drop(release);
    drained(&pool).await;
    assert_eq!(pool.counts().hashed, 0);
    assert!(matches!(late.await, Err(PoolError::Busy(_))));
}

#[tokio::test]
async fn a_job_that_has_begun_is_waited_for_beyond_the_deadline() {
    let pool = pool(4, SHORT);
    let (release, slow) = begin_slowly(&pool).await;
    for behind_it in ["one deadline", "another"] {
        assert!(pool.verify(seat(&pool), secret(behind_it), None).await.is_err());
    }
    drop(release);
    assert_eq!(slow.await.unwrap(), Ok("done"));
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_never_hashed() {
    let pool = pool(4, LONG);
    let release = occupy(&pool).await;
    let mut abandoned = Box::pin(pool.verify(seat(&pool), secret("gone"), None));
    begin(abandoned.as_mut()).await;
    drop(abandoned);
    drop(release);
    drained(&pool).await;
    assert_eq!(pool.counts(), PoolCounts { queued: 0, hashed: 0, refused: 0 });
}

#[tokio::test]
async fn jobs_are_done_in_the_order_in_which_they_came() {
    let pool = pool(4, LONG);
    let release = occupy(&pool).await;
    let (done, order) = channel();
    let mut waiting = Vec::new();
    for number in 0..4 {
        let done = done.clone();
        let mut waits = Box::pin(pool.run(seat(&pool), move |_| done.send(number)));
        begin(waits.as_mut()).await;
        waiting.push(waits);
    }
    drop(release);
    for waits in waiting {
        waits.await.unwrap().unwrap();
    }
    assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_panic_leaves_the_thread_at_work() {
    let pool = pool(4, LONG);
    let outcome: Result<(), Busy> = pool.run(seat(&pool), |_| panic!("on purpose")).await;
    assert!(outcome.is_err());
    assert_eq!(pool.verify(seat(&pool), secret("after it"), None).await.unwrap(), Verdict::Wrong);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn threads_that_hash_let_all_others_go_first() {
    use rustix::process::getpriority_process;

    let pool = pool(1, LONG);
    let ours = getpriority_process(None).unwrap();
    let theirs = pool.run(seat(&pool), |_| getpriority_process(None).unwrap()).await.unwrap();
    assert_eq!(theirs, (ours + NICENESS).min(19));
}

#[test]
fn a_password_does_not_print_itself() {
    assert!(!format!("{:?}", secret("hunter2")).contains("hunter2"));
}
