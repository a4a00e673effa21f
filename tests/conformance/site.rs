//! What answers the scenarios: one process, or several that share their databases and answer in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Caller, Home, Mail, Ran, Server};

pub(super) struct Site {
    /// Those that take requests.
    nodes: Vec<Server>,
    #[expect(dead_code, reason = "they work for as long as they are held")]
    others: Vec<Server>,
    turn: AtomicUsize,
}

impl Site {
    pub(super) async fn of_one(home: Home) -> Self {
        Self { nodes: vec![Server::at(home).await], others: Vec::new(), turn: AtomicUsize::new(0) }
    }

    /// Two nodes, a projector and a mailer.
    pub(super) async fn of_several(home: Home) -> Self {
        let process = async |roles| Server::at(home.with_roles(roles)).await;
        Self {
            nodes: vec![process("api").await, process("api").await],
            others: vec![process("projector").await, process("mailer").await],
            turn: AtomicUsize::new(0),
        }
    }

    /// Each request goes to the next node.
    pub(super) fn api(&self) -> Caller {
        self.node().api()
    }

    fn node(&self) -> &Server {
        &self.nodes[self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len()]
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.node().run(arguments)
    }

    pub(super) async fn mails(&self) -> Vec<Mail> {
        self.node().mails().await
    }

    pub(super) async fn newest<T>(&self, address: &str, read: impl Fn(&Mail) -> Option<T>) -> Option<T> {
        self.node().newest(address, read).await
    }
}
