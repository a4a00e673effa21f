//! `kill -9` in the middle of everything, again and again on the same data: what was acknowledged holds, what was not
//! answered happened whole or not at all, and every mail that was asked for is there.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;

use super::moment::Moment;
use super::person::Person;
use super::stage::{Stage, Victim};
use super::tally::{Fate, Tally};
use crate::support::{Dice, Event, Post, Seed, is_long, together};

/// A long run has ten times as many.
const ROUNDS: usize = 20;
/// In each round so many people come anew, and as many of those who came before are there again.
const CAST: usize = 4;
/// The last answer before the kill is one of the first so many.
const ANSWERS: usize = 80;

/// The grace is long so that a slow machine still refreshes within it, and access tokens outlive the longest run.
const SETTINGS: [(&str, &str); 3] =
    [("STELE_HASH__THREADS", "2"), ("STELE_JWT__REFRESH_GRACE", "60s"), ("STELE_JWT__ACCESS_TTL", "6h")];

struct Town {
    stage: Stage,
    seed: Seed,
    dice: Dice,
    people: Vec<Person>,
    post: Post,
    born: usize,
    kills: usize,
    doubles: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill_and_nothing_is_half_done() {
    live_through(Victim::Whole, if is_long() { ROUNDS * 10 } else { ROUNDS }).await;
}

/// The same on PostgreSQL, where requests, read models and mails are each the work of a process of its own.
mod on_postgres {
    use super::*;

    /// A long run has ten times as many.
    const ROUNDS: usize = 5;

    macro_rules! kills {
        ($($name:ident: $victim:expr,)*) => {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
            async fn $name() {
                live_through($victim, if is_long() { ROUNDS * 10 } else { ROUNDS }).await;
            })*
        };
    }

    kills! {
        of_a_process_that_takes_requests: Victim::Api,
        of_the_projector: Victim::Projector,
        of_the_mailer: Victim::Mailer,
        of_the_server_of_the_databases: Victim::Postgres,
    }
}

async fn live_through(victim: Victim, rounds: usize) {
    let mut town = Town::found(victim, Seed::of("kills")).await;
    for _ in 0..rounds {
        town.round().await;
    }
    town.ends_well().await;
    town.tell(victim);
}

impl Town {
    async fn found(victim: Victim, seed: Seed) -> Self {
        let stage = Stage::set(victim, &SETTINGS).await;
        let post = Post::of(&stage.api.home().data().join("mail"));
        let dice = seed.dice(0);
        Self { stage, seed, dice, people: Vec::new(), post, born: 0, kills: 0, doubles: 0 }
    }

    async fn round(&mut self) {
        let moment = Moment::after(1 + self.dice.below(ANSWERS), self.stage.patience());
        let (api, post) = (self.stage.api.api(), self.post.clone());
        let cast = self.cast();
        let lives = cast.into_iter().map(|person| person.live(api.clone(), moment.clone(), post.clone()));
        let (cast, ()) = tokio::join!(together(lives), async {
            moment.come().await;
            self.stage.strike();
        });
        self.kills += 1;
        self.post.look();
        self.stage.recover().await;
        self.stage.api.has_mailed().await;
        let doubles = self.post.look();
        assert!(doubles <= 1, "one kill, and {doubles} mails came twice");
        self.doubles += doubles;
        self.stage.is_well().await;
        self.settle(cast).await;
    }

    /// New people, and some of those who came before.
    fn cast(&mut self) -> Vec<Person> {
        let mut cast = Vec::with_capacity(2 * CAST);
        for _ in 0..CAST {
            self.born += 1;
            let dice = self.seed.dice(self.born as u64);
            cast.push(Person::new(&format!("p{}", self.born), dice));
            if !self.people.is_empty() {
                let index = self.dice.below(self.people.len());
                cast.push(self.people.swap_remove(index));
            }
        }
        cast
    }

    /// Settles what is open between these people and the server, holds it to all they know, and keeps them.
    async fn settle(&mut self, cast: Vec<Person>) {
        let furthest = cast.iter().map(|person| person.furthest).max().unwrap_or_default();
        let (api, log, post) = (self.stage.api.api(), self.stage.api.home().log(), self.post.clone());
        assert!(log.length().await >= furthest, "an acknowledged event is gone");
        let settling = cast.into_iter().map(|person| person.settle(api.clone(), log.clone(), post.clone()));
        let settled = together(settling).await;
        self.stage.api.has_mailed().await;
        self.post.look();
        let checking = settled.into_iter().map(|person| person.holds(api.clone(), post.clone()));
        self.people.extend(together(checking).await);
    }

    /// Everybody who ever came, once more and no more at once than before, and the log as a whole.
    async fn ends_well(&mut self) {
        self.stage.api.has_mailed().await;
        let mut people = std::mem::take(&mut self.people);
        while !people.is_empty() {
            let next = people.split_off(people.len().saturating_sub(2 * CAST));
            self.settle(next).await;
        }
        self.stage.api.has_mailed().await;
        let events = self.stage.api.home().log().events().await;
        let registered: BTreeSet<String> = keys(&events, "user", "user.registered.v1").collect();
        assert_eq!(registered.len(), self.people.iter().filter(|person| person.registered).count());
        let holders: BTreeSet<String> =
            events.iter().filter(|event| event.kind == "claim.claimed.v1").map(holder).collect();
        assert_eq!(holders, registered, "a name is held by nobody, or somebody has none");
        let asked = keys(&events, "mail", "mail.requested.v1").collect::<BTreeSet<_>>();
        assert_eq!(keys(&events, "mail", "mail.sent.v1").collect::<BTreeSet<_>>(), asked);
        assert_eq!(asked.len(), self.post.len(), "mails in the folder");
        self.stage.api.run(&["rebuild", "--check"]).succeeded();
        self.stage.is_well().await;
    }

    /// Past the capture of output: these are the figures of docs/reliability.md.
    fn tell(&self, victim: Victim) {
        let mut tally = Tally::default();
        for person in &self.people {
            tally.add(&person.tally);
        }
        let (people, mails) = (self.people.len(), self.post.len());
        assert_eq!(
            tally.total(Fate::Unknown),
            tally.total(Fate::FoundDone) + tally.total(Fate::FoundNotDone)
        );
        let (seed, kills, doubles) = (self.seed.number(), self.kills, self.doubles);
        let text = format!(
            "\nkills of {victim:?}: seed {seed}, {kills} kills, {people} people, {mails} mails, of which {doubles} came twice\n{tally}\n"
        );
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
}

/// The keys of the streams of a category that hold an event of this kind.
fn keys<'e>(events: &'e [Event], category: &str, kind: &str) -> impl Iterator<Item = String> + use<'e> {
    let (prefix, kind) = (format!("{category}-"), kind.to_owned());
    let of_kind = events.iter().filter(move |event| event.kind == kind);
    of_kind.filter_map(move |event| event.stream.strip_prefix(&prefix).map(str::to_owned))
}

/// The pk of whom a name was claimed for.
fn holder(event: &Event) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap();
    data["holder"].to_string()
}
