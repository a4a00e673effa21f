//! What came before an event in its stream, wherever the relay begins and however much it forgot.

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use store::Write;

use super::*;

/// An event of one of three users: public, or one that nobody is told of.
fn history() -> impl Strategy<Value = Vec<(u8, bool)>> {
    vec((0..3_u8, prop::bool::weighted(0.7)), 1..24)
}

/// Writes them down, one after the other.
async fn write(log: &dyn EventLog, history: &[(u8, bool)]) {
    let mut lengths = [0; 3];
    for (number, (user, public)) in history.iter().enumerate() {
        let kind = if *public { "user.enabled.v1" } else { "user.claim-abandoned.v1" };
        let data = serde_json::json!({"at": 0, "reservation": Uuid::from_u128(3)});
        let events = vec![new_event(number as u128 + 1, kind, &data)];
        let length = &mut lengths[usize::from(*user)];
        let stream = StreamId::named(format!("user-{}", user + 1));
        log.append(vec![Write { stream, expected: *length, events }]).await.unwrap();
        *length += 1;
    }
}

/// Each public event with the one before it in its stream, as a subscriber should see them.
fn expected(events: &[Recorded]) -> Vec<(Uuid, Option<Uuid>)> {
    let public = |event: &&Recorded| event.event.kind == "user.enabled.v1";
    let before = |event: &Recorded| {
        let mut earlier = events.iter().filter(public).filter(|one| one.position < event.position);
        earlier.rfind(|one| one.stream == event.stream).map(|one| one.event.id)
    };
    events.iter().filter(public).map(|event| (event.event.id, before(event))).collect()
}

async fn chained(outward: &mut Outward, events: &[Recorded]) -> Vec<(Uuid, Option<Uuid>)> {
    let mut chained = Vec::new();
    for event in events {
        if let Some(message) = outward.message(event).await.unwrap() {
            let body: Value = serde_json::from_slice(&message.body).unwrap();
            let previous = body.get("previousid").map(|id| id.as_str().unwrap().parse().unwrap());
            chained.push((message.id, previous));
        }
    }
    chained
}

#[test]
fn each_names_the_public_event_before_it_wherever_the_relay_begins() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let property = |(history, start, again): (Vec<(u8, bool)>, usize, usize)| {
        runtime.block_on(async {
            let log = log();
            write(log.as_ref(), &history).await;
            let events = log.read_all(Position::BEGINNING, 100).await.unwrap();
            let whole = expected(&events);
            let (start, again) = (start % events.len(), again % events.len());
            let mut outward = Outward::new(log, SOURCE.to_owned());
            // It begins in the middle, and goes back to somewhere else.
            for from in [start, again] {
                let rest = events.split_at(from).1;
                let ids: Vec<Uuid> = rest.iter().map(|event| event.event.id).collect();
                let due: Vec<_> = whole.iter().filter(|(id, _)| ids.contains(id)).copied().collect();
                assert_eq!(chained(&mut outward, rest).await, due);
            }
        });
        Ok(())
    };
    TestRunner::default().run(&(history(), 0..24_usize, 0..24_usize), property).unwrap();
}
