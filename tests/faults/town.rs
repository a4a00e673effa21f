//! The people who use what is under test, all through a fault and after it: they come and go in rounds on the same data, and in
//! the end everyone who ever came holds the server to all that he was told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::moment::Moment;
use super::person::Person;
use super::stage::Stage;
use super::tally::{Fate, Tally};
use crate::support::{Dice, Event, Post, Seed, tell, together};

/// In each round so many people come anew, and as many of those who came before are there again.
const CAST: usize = 4;
/// The last answer before the fault is one of the first so many.
const ANSWERS: usize = 80;

pub(super) struct Town {
    pub(super) stage: Stage,
    seed: Seed,
    dice: Dice,
    people: Vec<Person>,
    post: Post,
    born: usize,
    rounds: usize,
    doubles: usize,
}

impl Town {
    pub(super) fn around(stage: Stage, seed: Seed) -> Self {
        let post = Post::of(&stage.api.home().data().join("mail"));
        let dice = seed.dice(0);
        Self { stage, seed, dice, people: Vec::new(), post, born: 0, rounds: 0, doubles: 0 }
    }

    /// People use the server, something befalls it, and when it is well again it is held to all that they know. Answers how
    /// many mails came a second time.
    pub(super) async fn round(&mut self, befall: impl AsyncFnOnce(&mut Stage)) -> usize {
        let moment = Moment::after(1 + self.dice.below(ANSWERS));
        let cast = self.cast();
        let lives = cast
            .into_iter()
            .enumerate()
            .map(|(index, person)| person.live(self.stage.door(index), moment.clone(), self.post.clone()));
        let lives = together(lives.collect::<Vec<_>>());
        let (cast, ()) = tokio::join!(lives, async {
            moment.come().await;
            befall(&mut self.stage).await;
            moment.is_late_after(self.stage.patience());
        });
        self.rounds += 1;
        self.post.look();
        self.stage.recover().await;
        self.stage.api.has_mailed().await;
        let doubles = self.post.look();
        self.doubles += doubles;
        self.stage.is_well().await;
        self.settle(cast).await;
        doubles
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

    /// Settles what is open between these people and the server, holds it to all they know, and keeps them. Where there are two
    /// doors, they come in by the other one.
    async fn settle(&mut self, cast: Vec<Person>) {
        let furthest = cast.iter().map(|person| person.furthest).max().unwrap_or_default();
        let (log, post) = (self.stage.api.home().log(), self.post.clone());
        assert!(log.length().await >= furthest, "an acknowledged event is gone");
        let settling = cast
            .into_iter()
            .enumerate()
            .map(|(index, person)| person.settle(self.stage.door(index + 1), log.clone(), post.clone()));
        let settled = together(settling.collect::<Vec<_>>()).await;
        self.stage.api.has_mailed().await;
        self.post.look();
        let checking = settled
            .into_iter()
            .enumerate()
            .map(|(index, person)| person.holds(self.stage.door(index + 1), post.clone()));
        self.people.extend(together(checking.collect::<Vec<_>>()).await);
    }

    /// Everybody who ever came, once more and no more at once than before, and the log as a whole, which it answers.
    pub(super) async fn ends_well(&mut self) -> Vec<Event> {
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
        events
    }

    /// What came of all that was asked for so far.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for person in &self.people {
            tally.add(&person.tally);
        }
        tally
    }

    /// The figures of docs/reliability.md.
    pub(super) fn tell(&self, what: &str) {
        let tally = self.tally();
        let (people, mails) = (self.people.len(), self.post.len());
        assert_eq!(
            tally.total(Fate::Unknown),
            tally.total(Fate::FoundDone) + tally.total(Fate::FoundNotDone)
        );
        let (seed, rounds, doubles) = (self.seed.number(), self.rounds, self.doubles);
        tell(&format!(
            "{what}: seed {seed}, {rounds} rounds, {people} people, {mails} mails, of which {doubles} came twice\n{tally}"
        ));
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
