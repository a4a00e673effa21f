//! One name or address, two to eight who register with it at once, and two processes of which one may be killed on the way: exactly one
//! holds it in the end. A name whose taker died before he was born is free again a minute later.

use std::future::Future;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kurrent_double::{Call, Fault};
use serde_json::json;

use super::whole::whole_log;
use crate::support::{
    Account, Caller, Dice, Home, Kurrent, PASSWORD, Reply, Seed, Server, each, is_long, tell, together,
    wait_for,
};

const ROUNDS: usize = 50;
const LONG_ROUNDS: usize = 1000;
/// One round of so many has a kill in it.
const KILLS: usize = 6;
/// It comes after so many appends, at most: two names and a user are three.
const APPENDS: usize = 3;
/// How long a user's first event is held up in some of the rounds with a kill, so that the names are taken and he is not born yet.
const HELD_UP: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_mins(1);
/// In seconds; a claim that nobody followed up may be taken over then.
const LATER: i64 = 90;

/// Those who want the same at once.
struct Round {
    number: usize,
    racers: Vec<Account>,
    wants_email: bool,
}

struct Town {
    kurrent: Kurrent,
    /// Two that take requests, and one that does all else.
    nodes: [Server; 3],
    dice: Dice,
    /// The rounds with a kill in them, and who holds what was wanted there, if anyone.
    open: Vec<(Round, Option<usize>)>,
    left: usize,
}

impl Round {
    fn drawn(number: usize, dice: &mut Dice) -> Self {
        let (racers, wants_email) = (2 + dice.below(7), dice.below(2) == 0);
        let mut round = Self { number, racers: Vec::new(), wants_email };
        let wanted = Account::named(&format!("wanted{number}"));
        for index in 0..racers {
            let own = round.by_himself(index);
            let wants = wanted.clone();
            let racer = if wants_email {
                Account { email: wants.email, ..own }
            } else {
                Account { username: wants.username, ..own }
            };
            round.racers.push(racer);
        }
        round
    }

    /// One of them, with nothing that another one wants.
    fn by_himself(&self, index: usize) -> Account {
        let own = format!("r{}n{index}", self.number);
        Account { password: format!("{PASSWORD}-{own}"), ..Account::named(&own) }
    }

    /// All of them at once, at these doors in turn; an answer is missing where the server was killed.
    fn register(
        &self,
        doors: &[Caller],
        answered: &Arc<AtomicUsize>,
    ) -> impl Future<Output = Vec<Option<Reply>>> + use<> {
        let tries = self.racers.iter().zip(doors.iter().cycle()).map(|(racer, door)| {
            let request = door.request("POST", "registration/").json(&racer.registration());
            let answered = answered.clone();
            async move {
                let reply = Reply::try_to(request).await;
                answered.fetch_add(1, Ordering::Relaxed);
                reply
            }
        });
        together(tries.collect::<Vec<_>>())
    }

    /// Who of them was told that he has it. The others were told that it is taken, if they were told anything.
    fn told(&self, replies: &[Option<Reply>]) -> Vec<usize> {
        let field = if self.wants_email { "email" } else { "username" };
        let mut told = Vec::new();
        for (index, reply) in replies.iter().enumerate() {
            match reply {
                Some(reply) if reply.status == 201 => told.push(index),
                Some(reply) => assert!(reply.status == 400 && reply.json().get(field).is_some(), "{reply:?}"),
                None => {}
            }
        }
        told
    }

    /// Who of them gets in by what all of them wanted.
    async fn holders(&self, api: &Caller) -> Vec<usize> {
        let logins = self.racers.iter().map(|racer| {
            let (name, wanted) =
                if self.wants_email { ("email", &racer.email) } else { ("username", &racer.username) };
            let (api, body) = (api.clone(), json!({name: wanted, "password": racer.password}));
            async move { api.post("login/", body).await }
        });
        let replies = together(logins.collect::<Vec<_>>()).await;
        assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 400)), "{replies:#?}");
        (0..replies.len()).filter(|index| replies[*index].status == 200).collect()
    }
}

impl Town {
    async fn on(kurrent: Kurrent, seed: Seed) -> Self {
        let env = [("STELE_HASH__THREADS", "2"), ("STELE_AUTH__EMAIL_VERIFICATION", "none")];
        let home = Home::on_kurrent_and_postgres(kurrent.url(), &env);
        let nodes = each(&home, ["api", "api", "projector,mailer"]).await;
        Self { nodes, kurrent, dice: seed.dice(0), open: Vec::new(), left: 0 }
    }

    fn doors(&self) -> [Caller; 2] {
        [self.nodes[0].api(), self.nodes[1].api()]
    }

    async fn round(&mut self, number: usize) {
        let round = Round::drawn(number, &mut self.dice);
        let is_deadly = self.dice.below(KILLS) == 0;
        let replies = if is_deadly {
            self.kill_in(&round).await
        } else {
            round.register(&self.doors(), &Arc::default()).await
        };
        let (told, api) = (round.told(&replies), self.nodes[number % 2].api());
        let holders = round.holders(&api).await;
        assert!(holders.len() <= 1, "{} hold one name, in round {number}", holders.len());
        assert!(
            told.is_empty() || told == holders,
            "who was told that he has it has it not, in round {number}"
        );
        assert!(is_deadly || told.len() == 1, "nobody got it, in round {number}: {replies:#?}");
        if is_deadly {
            self.open.push((round, holders.first().copied()));
        } else {
            round.by_himself((told[0] + 1) % round.racers.len()).register(&api).await;
        }
    }

    /// All of them at once, while one of the nodes is killed and comes back.
    async fn kill_in(&mut self, round: &Round) -> Vec<Option<Reply>> {
        let (victim, last) = (self.dice.below(2), 1 + self.dice.below(APPENDS) as u64);
        let (answered, kurrent) = (Arc::new(AtomicUsize::new(0)), &self.kurrent);
        if kurrent.is_double() && self.dice.below(2) == 0 {
            kurrent.fail(Call::Append, Fault::DelayBefore(HELD_UP), 1, "user-");
        }
        // Of a real server nobody knows what it has taken, until someone is answered.
        let done = || answered.load(Ordering::Relaxed);
        let taken = || if kurrent.is_double() { kurrent.served(Call::Append, "") } else { done() as u64 };
        let end = taken() + last;
        let doors = [self.nodes[0].api(), self.nodes[1].api()];
        let node = &mut self.nodes[victim];
        let (replies, ()) = tokio::join!(round.register(&doors, &answered), async {
            wait_for("the moment of the kill", SOON, async || {
                (taken() >= end || done() == round.racers.len()).then_some(())
            })
            .await;
            node.kill9();
        });
        node.restart().await;
        if kurrent.is_double() {
            kurrent.is_well_again();
        }
        replies
    }

    /// A minute and more later: what nobody got, because who had taken it is dead, goes to exactly one of those who try again, and all
    /// others can have what was theirs alone.
    async fn later(&mut self) {
        for node in &mut self.nodes {
            node.home_mut().let_clock_be_set();
            node.home().set_clock(LATER);
            node.restart().await;
        }
        for (round, holder) in mem::take(&mut self.open) {
            let holder = if let Some(holder) = holder {
                holder
            } else {
                self.left += 1;
                let replies = round.register(&self.doors(), &Arc::default()).await;
                let told = round.told(&replies);
                assert_eq!(told.len(), 1, "in round {} it is lost for good: {replies:#?}", round.number);
                told[0]
            };
            assert_eq!(round.holders(&self.nodes[0].api()).await, [holder]);
            for other in (0..round.racers.len()).filter(|other| *other != holder) {
                round.by_himself(other).register(&self.nodes[other % 2].api()).await;
            }
        }
    }
}

async fn race(kurrent: Kurrent) {
    let seed = Seed::of("names on KurrentDB");
    let rounds = if is_long() { LONG_ROUNDS } else { ROUNDS };
    let mut town = Town::on(kurrent, seed).await;
    for number in 0..rounds {
        town.round(number).await;
    }
    let kills = town.open.len();
    town.later().await;
    let [node, ..] = &town.nodes;
    whole_log(node).await;
    node.run(&["rebuild", "--check"]).succeeded();
    let (seed, left) = (seed.number(), town.left);
    tell(&format!(
        "names on KurrentDB: seed {seed}, {rounds} rounds, {kills} kills, {left} names left behind"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs faketime and PostgreSQL (apt-get install faketime postgresql); ./test runs it where they are"]
async fn one_of_many_gets_a_name_whoever_dies_beside_postgres() {
    race(Kurrent::double().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "STELE_TEST_KURRENT names no KurrentDB"]
async fn one_of_many_gets_a_name_whoever_dies_on_a_real_kurrentdb_beside_postgres() {
    race(Kurrent::real()).await;
}
