//! The moment at which something is done to the server, after so many of its answers, and when people go home if it answers on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a busy machine may take for the answers before it.
const PATIENCE: Duration = Duration::from_mins(5);

#[derive(Clone)]
pub(super) struct Moment(Arc<State>);

struct State {
    answers: AtomicUsize,
    last: usize,
    end: AtomicUsize,
    come: Notify,
}

impl Moment {
    /// Comes with the answer of this number, counted from one.
    pub(super) fn after(last: usize) -> Self {
        let (answers, end) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        Self(Arc::new(State { answers, last, end, come: Notify::new() }))
    }

    /// From now on it is late after so many more answers.
    pub(super) fn is_late_after(&self, more: usize) {
        let answers = self.0.answers.load(Ordering::Relaxed);
        self.0.end.store(answers.saturating_add(more), Ordering::Relaxed);
    }

    /// Counts an answer. Whether it is late.
    pub(super) fn answered(&self) -> bool {
        let answers = self.0.answers.fetch_add(1, Ordering::Relaxed) + 1;
        if answers == self.0.last {
            self.0.come.notify_one();
        }
        answers >= self.0.end.load(Ordering::Relaxed)
    }

    /// Comes back when it has come. Where everyone is turned away before it, it never does.
    pub(super) async fn come(&self) {
        timeout(PATIENCE, self.0.come.notified()).await.expect("everyone went home before the moment");
    }
}
