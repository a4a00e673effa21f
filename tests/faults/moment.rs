//! The moment at which something is done to the server: after so many of its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Clone)]
pub(super) struct Moment(Arc<State>);

struct State {
    answers: AtomicUsize,
    last: usize,
    come: Notify,
}

impl Moment {
    /// Comes with the answer of this number, counted from one.
    pub(super) fn after(last: usize) -> Self {
        Self(Arc::new(State { answers: AtomicUsize::new(0), last, come: Notify::new() }))
    }

    pub(super) fn answered(&self) {
        if self.0.answers.fetch_add(1, Ordering::Relaxed) + 1 == self.0.last {
            self.0.come.notify_one();
        }
    }

    pub(super) async fn come(&self) {
        self.0.come.notified().await;
    }
}
