//! What answers the scenarios: one process, or several that share their databases and answer in turn.

use std::{
    any::Any,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

#[cfg(feature = "kurrent")]
use crate::support::Kurrent;
use crate::support::{Caller, Home, Mail, MailServer, Nats, Ran, Server, each, wait_for};

const SOON: Duration = Duration::from_secs(20);

pub(super) struct Site {
    /// Those that take requests.
    nodes: Vec<Server>,
    #[expect(dead_code, reason = "they work for as long as they are held")]
    others: Vec<Server>,
    turn: AtomicUsize,
    post: Option<MailServer>,
    /// What the nodes rely on, which works for as long as it is held.
    #[expect(dead_code, reason = "nobody asks it for anything")]
    behind: Option<Box<dyn Any>>,
}

impl Site {
    pub(super) async fn of_one(home: Home) -> Self {
        Self::new(vec![Server::at(home).await], Vec::new())
    }

    /// One process whose log is on a KurrentDB.
    #[cfg(feature = "kurrent")]
    pub(super) async fn on_kurrent(kurrent: Kurrent, env: &[(&str, &str)]) -> Self {
        let site = Self::of_one(Home::on_kurrent(kurrent.url(), env)).await;
        Self { behind: Some(Box::new(kurrent)), ..site }
    }

    /// Two nodes, a projector and a mailer.
    pub(super) async fn of_several(home: Home) -> Self {
        let nodes = each(&home, ["api", "api"]).await;
        Self::new(nodes.into(), each(&home, ["projector", "mailer"]).await.into())
    }

    /// Two nodes, and a process for each role that there is, on PostgreSQL, NATS and SMTP.
    pub(super) async fn grown_up(env: &[(&str, &str)]) -> Self {
        let (nats, post) = (Nats::start().await, MailServer::start());
        let (bus, mail) = (nats.url(), post.url(""));
        let places = [("STELE_BUS__URL", bus.as_str()), ("STELE_MAIL__URL", &mail)];
        let home = Home::on_postgres(&[env, &places].concat());
        let nodes = each(&home, ["api", "api"]).await;
        let others = each(&home, ["projector", "relay", "mailer", "revoker"]).await;
        Self { post: Some(post), behind: Some(Box::new(nats)), ..Self::new(nodes.into(), others.into()) }
    }

    const fn new(nodes: Vec<Server>, others: Vec<Server>) -> Self {
        Self { nodes, others, turn: AtomicUsize::new(0), post: None, behind: None }
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
        let Some(post) = &self.post else { return self.node().mails().await };
        self.node().has_mailed().await;
        post.taken().iter().map(|taken| Mail::of(taken.message.as_bytes())).collect()
    }

    pub(super) async fn newest<T>(&self, address: &str, read: impl Fn(&Mail) -> Option<T>) -> Option<T> {
        self.mails().await.iter().rev().filter(|mail| mail.is_to(address)).find_map(read)
    }
}
