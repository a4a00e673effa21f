//! Processes that are stopped and started one after the other, as for an upgrade, while people who know both nodes go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::RequestBuilder;
use serde_json::json;
use tokio::sync::watch;

use super::{SOON, each};
use crate::support::{
    Account, Caller, Home, Looks, Reply, Server, Tokens, comes_back_later, has_mailed, is_long, tell,
    together, wait_for,
};

const CROWD: usize = 6;
/// How many commands are answered between one restart and the next.
const BETWEEN: usize = 60;
const ROUNDS: usize = 1;
const LONG_ROUNDS: usize = 20;

/// Both nodes, as a client knows them that goes on to the other one where the first does not serve it.
#[derive(Clone)]
struct Both {
    nodes: Arc<Mutex<[Caller; 2]>>,
    tally: Arc<Tally>,
}

/// What came of the commands.
#[derive(Default)]
struct Tally {
    served: AtomicUsize,
    put_off: AtomicUsize,
    turned_away: AtomicUsize,
}

impl Both {
    fn node(&self, which: usize) -> Caller {
        self.nodes.lock().unwrap()[which].clone()
    }

    /// Asks one node, and the other one where that is not there or can't serve now. Nothing else may come of it.
    async fn ask(&self, first: usize, request: impl Fn(&Caller) -> RequestBuilder) -> Reply {
        let (mut node, looks) = (first, Looks::begin(SOON));
        loop {
            let counted = match Reply::try_to(request(&self.node(node))).await {
                Some(reply) if (200..300).contains(&reply.status) => {
                    self.tally.served.fetch_add(1, Ordering::Relaxed);
                    return reply;
                }
                Some(reply) => {
                    comes_back_later(&reply, 503);
                    &self.tally.put_off
                }
                None => &self.tally.turned_away,
            };
            counted.fetch_add(1, Ordering::Relaxed);
            node = 1 - node;
            looks.again("one of two nodes serves a request").await;
        }
    }

    async fn post(&self, first: usize, path: &str, body: serde_json::Value) -> Reply {
        self.ask(first, |node| node.request("POST", path).json(&body)).await
    }
}

/// Registers, and then refreshes, reads, renames himself, logs in and out until it is done; answers his newest tokens.
async fn lives(both: Both, account: Account, done: watch::Receiver<bool>) -> Tokens {
    let (username, password) = (&account.username, &account.password);
    let mut tokens = Tokens::of(&both.post(0, "registration/", account.registration()).await);
    for round in 0_usize.. {
        let (here, there) = (round % 2, 1 - round % 2);
        tokens = Tokens::of(&both.post(here, "token/refresh/", json!({"refresh": tokens.refresh()})).await);
        let name = json!({"first_name": round.to_string()});
        both.ask(here, |node| tokens.on(node).request("PATCH", "user/").json(&name)).await;
        let user = both.ask(there, |node| tokens.on(node).request("GET", "user/")).await;
        assert_eq!(user.json()["first_name"], name["first_name"]);
        let login = json!({"username": username, "password": password});
        let second = Tokens::of(&both.post(there, "login/", login).await);
        both.post(here, "logout/", json!({"refresh": second.refresh()})).await;
        if *done.borrow() {
            break;
        }
    }
    tokens
}

/// Stops a process as an operator does, and starts it again where it was.
async fn renew(server: &mut Server) {
    assert_eq!(server.stop(), Some(0));
    server.restart().await;
    let api = server.api();
    wait_for("the process is ready", SOON, async || {
        (api.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn processes_are_renewed_one_after_the_other_and_whoever_goes_on_to_the_other_node_is_served() {
    let home = Home::on_postgres(&[]);
    let mut processes = each(&home, ["api", "api", "projector", "mailer"]).await;
    let nodes = Arc::new(Mutex::new([processes[0].api(), processes[1].api()]));
    let both = Both { nodes, tally: Arc::default() };
    let (done, doing) = watch::channel(false);
    let people = (0..CROWD).map(|one| lives(both.clone(), Account::named(&format!("p{one}")), doing.clone()));
    let people = tokio::spawn(together(people.collect::<Vec<_>>()));
    for _ in 0..if is_long() { LONG_ROUNDS } else { ROUNDS } {
        for (place, process) in processes.iter_mut().enumerate() {
            let enough = both.tally.served.load(Ordering::Relaxed) + BETWEEN;
            wait_for("people are served", SOON, async || {
                (both.tally.served.load(Ordering::Relaxed) >= enough).then_some(())
            })
            .await;
            renew(process).await;
            if let Some(node) = both.nodes.lock().unwrap().get_mut(place) {
                *node = process.api();
            }
        }
    }
    done.send_replace(true);
    for tokens in people.await.unwrap() {
        for node in [0, 1] {
            tokens.on(&both.node(node)).get("user/").await.expect(200);
        }
    }
    has_mailed(&both.node(0)).await;
    processes[0].run(&["rebuild", "--check"]).succeeded();
    both.tally.tell();
}

impl Tally {
    /// Figures of docs/operations.md.
    fn tell(&self) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (served, put_off, turned_away) = (of(&self.served), of(&self.put_off), of(&self.turned_away));
        tell(&format!(
            "renewed under way: {served} requests served, {put_off} put off by 503, {turned_away} found nobody, and all of these went on to the other node"
        ));
    }
}
