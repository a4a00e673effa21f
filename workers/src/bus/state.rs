//! How the bus does, as far as one part of a process uses it: told to health, which asks nobody.

use store::chain;
use tokio::sync::watch;

/// What one part of a process knows of the bus; none before it has tried.
pub type Known = Option<Result<(), String>>;

/// How the bus does for one part of a process.
#[derive(Clone)]
pub struct BusState(watch::Sender<Known>);

impl BusState {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        self.0.borrow().clone()
    }

    /// Tells what came of using it.
    pub(crate) fn tell<E: std::error::Error + 'static>(&self, outcome: Result<&(), &E>) {
        let state = Some(outcome.copied().map_err(|error| chain(error)));
        self.0.send_if_modified(|known| {
            let news = *known != state;
            *known = state;
            news
        });
    }
}
