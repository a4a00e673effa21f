//! Writers who take turns: in each round some come anew, and the others are those who wrote last.

use serde_json::Value;

use super::whole::{count, whole_log};
use super::writer::Writer;
use crate::support::{Caller, Server, together};

pub(super) struct Troupe {
    size: usize,
    newcomers: usize,
    writers: Vec<Writer>,
}

impl Troupe {
    pub(super) const fn new(size: usize, newcomers: usize) -> Self {
        Self { size, newcomers, writers: Vec::new() }
    }

    /// Everybody of one round writes, and answers once he is told that it is done.
    pub(super) async fn write(&mut self, api: &Caller) {
        let born = self.writers.len();
        let mut cast = self.writers.split_off(born.saturating_sub(self.size - self.newcomers));
        let missing = self.size - cast.len();
        cast.extend((born..born + missing).map(|number| Writer::named(&format!("writer{number}"))));
        self.writers.extend(together(cast.into_iter().map(|writer| writer.writes(api.clone()))).await);
    }

    /// Those who wrote in the last round hold the server to all that they were told.
    pub(super) async fn check(&self, api: &Caller) {
        for writer in self.writers.iter().rev().take(self.size) {
            writer.holds(api).await;
        }
    }

    /// Everybody does, and so does the log, all of whose events are answered.
    pub(super) async fn check_all(&self, server: &Server) -> Vec<Value> {
        let events = whole_log(server).await;
        for writer in &self.writers {
            writer.holds(&server.api()).await;
        }
        assert_eq!(count(&events, "user.registered.v1"), self.born(), "each writer and the last comer");
        server.run(&["rebuild", "--check"]).succeeded();
        events
    }

    /// With whoever came last, to see the whole log.
    pub(super) fn born(&self) -> usize {
        self.writers.len() + 1
    }
}
