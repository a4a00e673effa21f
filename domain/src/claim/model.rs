//! A model of names on a log that appends to one stream at a time: every interleaving of several orders, with a death
//! before each step and time that passes. Drives the very `Plan` that commands carry out; without the fence it finds doubles.

mod laws;
mod order;
mod process;
mod search;

use order::{Order, born, pk, reservation};
use process::Process;
use search::{Explored, Model};

use crate::{
    Claim, Time, User, UserId,
    claim::{Holding, Seen},
};

type Name = &'static str;

/// One stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Claim(Name),
    User(UserId),
}

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Cell {
    Claim(Seen<Claim>),
    User(Seen<User>),
}

/// What processes do wrong, to show that the laws see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// They write nothing to the stream of another user whose claim they take over.
    Unfenced,
    /// They write nothing to their own user's stream when they take over his own claim.
    UnfencedFromHimself,
    /// They give back before the user's event, as one may in a transaction.
    ReleasesFirst,
    /// They write the user's event before the claims.
    CommitsFirst,
    /// After a conflict on the user's event they write it again at the newest version, and don't look at the claims.
    CommitsAgain,
}

/// Which laws are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    All,
    /// That no name has two users, and nothing that goes wrong before it comes to that.
    Doubles,
}

/// When things happen: soon after the first users were born, when what was begun then is left behind, and when their
/// links are dead.
const MOMENTS: [Time; 3] = [Time::from_seconds(10), Time::from_seconds(120), Time::from_seconds(7200)];

/// Two users from before.
const EVE: i64 = 1;
const DAN: i64 = 2;

/// The address of whoever comes last.
const PROBE: Name = "probe@x";
const NAMES: [Name; 9] = ["eve", "eve@x", "dan", "dan@x", "ann", "ann@x", "bob", "bob@x", PROBE];

fn known(name: &str) -> Name {
    NAMES.into_iter().find(|known| *known == name).expect("all names are known")
}

fn explore(flaw: Flaw, watch: Watch, orders: &[&[Order]]) -> Explored {
    let users = [(EVE, ("eve", "eve@x")), (DAN, ("dan", "dan@x"))];
    let mut claims = NAMES.map(|name| (name, Claim::Free));
    let mut streams = vec![];
    for (index, (user, names)) in (1..).zip(users) {
        let reservations = [reservation(index * 2), reservation(index * 2 + 1)];
        for (name, reservation) in [names.0, names.1].into_iter().zip(reservations) {
            let holding = Holding { holder: UserId(user), reservation, at: Time(0) };
            claims
                .iter_mut()
                .filter(|(known, _)| *known == name)
                .for_each(|(_, claim)| *claim = Claim::Held(holding));
        }
        let state = born(UserId(user), names, reservations);
        streams.push((Place::User(UserId(user)), Cell::User(Seen { state, version: 1 })));
    }
    streams.extend(claims.map(|(name, state)| {
        let version = u64::from(state != Claim::Free);
        (Place::Claim(name), Cell::Claim(Seen { state, version }))
    }));
    let processes: Vec<Process> =
        (1..).zip(orders).map(|(number, orders)| Process::new(number, orders)).collect();
    let late = Process::new(laws::LATE, &[REGISTER]);
    for draw in processes.iter().chain([&late]).flat_map(Process::draws) {
        streams.push((Place::User(pk(draw)), Cell::User(Seen::default())));
    }
    Model::new((flaw, watch), streams, processes).explore()
}

const REGISTER: Order = Order::Register { username: "ann", email: "ann@x" };
const SAME_USERNAME: Order = Order::Register { username: "ann", email: "bob@x" };
const SAME_EMAIL: Order = Order::Register { username: "bob", email: "ann@x" };
const EVES_EMAIL: Order = Order::Register { username: "ann", email: "eve@x" };
const EVES_NAME: Order = Order::Register { username: "eve", email: "ann@x" };
const RENAME_EVE: Order = Order::Rename { user: EVE, to: "ann" };
const RENAME_DAN: Order = Order::Rename { user: DAN, to: "ann" };
const DAN_TO_EVE: Order = Order::Rename { user: DAN, to: "eve" };
const EVE_ASKS: Order = Order::AskForEmail { user: EVE, to: "ann@x" };
const DAN_ASKS: Order = Order::AskForEmail { user: DAN, to: "ann@x" };
const EVE_VERIFIES: Order = Order::VerifyEmail { user: EVE, address: "ann@x" };
const DAN_ASKS_FOR_EVES: Order = Order::AskForEmail { user: DAN, to: "eve@x" };
const EVE_RESETS: Order = Order::ResetPassword { user: EVE };
const SWEEPS_ANN: Order = Order::Sweep { name: "ann" };
const SWEEPS_ANNS_EMAIL: Order = Order::Sweep { name: "ann@x" };

/// What a process may be about.
const SCRIPTS: [&[Order]; 14] = [
    &[REGISTER],
    &[SAME_USERNAME],
    &[SAME_EMAIL],
    &[EVES_EMAIL],
    &[EVES_NAME],
    &[RENAME_EVE],
    &[RENAME_DAN],
    &[DAN_TO_EVE],
    &[EVE_ASKS, EVE_VERIFIES],
    &[DAN_ASKS],
    &[DAN_ASKS_FOR_EVES],
    &[EVE_RESETS],
    &[SWEEPS_ANN],
    &[SWEEPS_ANNS_EMAIL],
];

/// Three at once, in little time.
const THREE: [[&[Order]; 3]; 5] = [
    [&[REGISTER], &[EVES_NAME], &[RENAME_EVE]],
    [&[EVES_EMAIL], &[DAN_ASKS_FOR_EVES], &[EVE_RESETS]],
    [&[RENAME_EVE], &[RENAME_DAN], &[DAN_TO_EVE]],
    [&[REGISTER], &[RENAME_EVE], &[SWEEPS_ANN]],
    [&[EVE_ASKS, EVE_VERIFIES], &[EVE_RESETS], &[SWEEPS_ANNS_EMAIL]],
];

/// Three at once, which takes minutes.
const MORE_OF_THREE: [[&[Order]; 3]; 3] = [
    [&[REGISTER], &[SAME_USERNAME], &[SAME_EMAIL]],
    [&[SAME_EMAIL], &[EVE_ASKS, EVE_VERIFIES], &[DAN_ASKS]],
    [&[REGISTER], &[RENAME_EVE], &[RENAME_DAN]],
];

/// Explores mixes one by one, all of which must be sound; answers how many worlds they have.
fn sound(mixes: impl IntoIterator<Item = Vec<&'static [Order]>>) -> usize {
    let (mut worlds, mut ends) = (0, 0);
    for mix in mixes {
        let explored = explore(Flaw::None, Watch::All, &mix);
        if let Some(violation) = explored.violation {
            panic!("{mix:?}:\n{violation}");
        }
        (worlds, ends) = (worlds + explored.worlds, ends + explored.ends);
    }
    println!("{worlds} worlds, {ends} of which are ends");
    assert!(ends > 0, "nothing ever came to an end");
    worlds
}

#[test]
fn two_at_once_never_come_to_hold_one_name() {
    let pairs = (0..SCRIPTS.len()).flat_map(|one| (one..SCRIPTS.len()).map(move |other| (one, other)));
    let worlds = sound(pairs.map(|(one, other)| vec![SCRIPTS[one], SCRIPTS[other]]));
    assert!(worlds > 100_000, "only {worlds} worlds were looked at");
}

#[test]
fn three_at_once_never_come_to_hold_one_name() {
    // As it was built: nothing in the domain asks its environment.
    let is_long = option_env!("STELE_TEST_LONG") == Some("1");
    sound(THREE.into_iter().chain(MORE_OF_THREE.into_iter().filter(|_| is_long)).map(Vec::from));
}

#[test]
fn without_the_fence_a_name_is_doubled() {
    let explored = explore(Flaw::Unfenced, Watch::Doubles, &[&[REGISTER], &[REGISTER]]);
    let story = explored.violation.expect("a claim that is taken over without a fence makes a double");
    println!("{story}");
    assert!(story.contains("time passes"), "{story}");
    assert_eq!(story.matches("writes user.registered.v1").count(), 2, "{story}");
    assert!(story.contains("a double: ann is used by"), "{story}");
}

#[test]
fn each_flaw_breaks_a_law() {
    let asks: &[Order] = &[EVE_ASKS, EVE_VERIFIES];
    let flaws: [(Flaw, [&[Order]; 2], &str); 5] = [
        (Flaw::Unfenced, [&[REGISTER], &[REGISTER]], "uses ann"),
        (Flaw::UnfencedFromHimself, [asks, asks], "1 uses ann@x, which is"),
        (Flaw::ReleasesFirst, [&[REGISTER], &[RENAME_EVE]], "1 uses eve, which is Some(Free)"),
        (Flaw::CommitsFirst, [&[REGISTER], &[REGISTER]], "uses ann, which is Some(Free)"),
        (Flaw::CommitsAgain, [asks, &[EVE_RESETS]], "nobody uses ann@x"),
    ];
    for (flaw, mix, broken) in flaws {
        let story = explore(flaw, Watch::All, &mix).violation;
        assert!(story.as_ref().is_some_and(|story| story.contains(broken)), "{flaw:?} came to {story:?}");
    }
}
