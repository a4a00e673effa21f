//! The moment at which something is done to the server, after so many of its answers, and when people go home if it answers on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Clone)]
pub(super) struct Moment(Arc<State>);

struct State {
    answers: AtomicUsize,
    last: usize,
    end: usize,
    come: Notify,
}

impl Moment {
    /// Comes with the answer of this number, counted from one; it is late so many answers later.
    pub(super) fn after(last: usize, more: usize) -> Self {
        let end = last.saturating_add(more);
        Self(Arc::new(State { answers: AtomicUsize::new(0), last, end, come: Notify::new() }))
    }

    /// Counts an answer. Whether it is late.
    pub(super) fn answered(&self) -> bool {
        let answers = self.0.answers.fetch_add(1, Ordering::Relaxed) + 1;
        if answers == self.0.last {
            self.0.come.notify_one();
        }
        answers >= self.0.end
    }

    pub(super) async fn come(&self) {
        self.0.come.notified().await;
    }
}
