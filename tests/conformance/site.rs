//! What answers the scenarios: one process, or several that share their databases and answer in turn.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::support::{Caller, Home, Mail, Ran, Server, wait_for};

const SOON: Duration = Duration::from_secs(20);

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

    /// Each request goes to the next node, which hears a moment later of a session that another one ended.
    pub(super) async fn api(&self) -> Caller {
        let api = self.node().api();
        if self.nodes.len() > 1 {
            wait_for("the node has heard of all revocations", SOON, async || {
                let parts = api.get("/health/ready").await.json();
                (parts["parts"]["api"]["lag"] == 0).then_some(())
            })
            .await;
        }
        api
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
