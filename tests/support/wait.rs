//! Waiting for a thing to become true, with a deadline, and doing several things at once.
//! The only place that lets time pass.

use std::future::Future;
use std::io::Write;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// Whether this run may take its time, as `./test long` says.
pub(crate) fn is_long() -> bool {
    std::env::var_os("STELE_TEST_LONG").is_some_and(|value| value == "1")
}

const PAUSE: Duration = Duration::from_millis(10);
/// How much longer than the deadline one look may take, before it is taken for one that hangs.
const HANGS: Duration = Duration::from_mins(2);

/// Looks again and again until `look` finds something; fails the test by name after `deadline`.
pub(crate) async fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looks = Looks::begin(deadline);
    loop {
        let looked = timeout(deadline + HANGS, look()).await;
        if let Some(found) = looked.unwrap_or_else(|_| panic!("a look hangs: {what}")) {
            return found;
        }
        looks.again(what).await;
    }
}

/// The time between looks at something, for a task of its own, into which [`wait_for`] can't go.
pub(crate) struct Looks {
    start: Instant,
    deadline: Duration,
}

impl Looks {
    pub(crate) fn begin(deadline: Duration) -> Self {
        Self { start: Instant::now(), deadline }
    }

    /// Comes back when it is time for the next look; fails the test by name when it is too late for one.
    pub(crate) async fn again(&self, what: &str) {
        assert!(self.start.elapsed() < self.deadline, "waited {:?} in vain: {what}", self.deadline);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs all of them at the same time and answers in their order.
pub(crate) async fn together<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("no task panics"));
    }
    answers
}

/// Tells a figure past the capture of output: it is one of those in docs/.
pub(crate) fn tell(figure: &str) {
    std::io::stderr().write_all(format!("\n{figure}\n").as_bytes()).unwrap();
}
