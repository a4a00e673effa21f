//! Subscriptions to `$all` and to streams: what there is, then what comes, filters, checkpoints, and where they say they are.

use kurrentdb::StreamState::{Any, NoStream};
use kurrentdb::{
    RetryOptions, StreamPosition, SubscribeToAllOptions, SubscribeToStreamOptions, SubscriptionEvent,
    SubscriptionFilter,
};

use kurrent_double::Double;

use crate::support::{Server, Streams, appeared, append, client, is_caught_up, number, on_both, until};

on_both!(
    a_subscription_to_all_hands_out_what_there_is_and_then_what_comes,
    a_subscription_to_all_begins_after_a_position_or_at_the_end,
    a_filter_lets_through_what_it_names,
    a_filter_that_lets_nothing_through_says_where_it_is,
    a_subscription_to_a_stream_waits_for_it_to_begin,
);

fn is_event(wanted: u128) -> impl FnMut(&SubscriptionEvent) -> bool {
    move |said| matches!(said, SubscriptionEvent::EventAppeared(event) if number(event) == Some(wanted))
}

fn checkpoints(said: &[SubscriptionEvent]) -> usize {
    said.iter().filter(|said| matches!(said, SubscriptionEvent::Checkpoint(_))).count()
}

async fn with_other_streams(client: &Streams, numbers: std::ops::Range<u128>) {
    for number in numbers {
        append(client, "other", Any, [number + 1000]).await.unwrap();
        append(client, "ours", Any, [number]).await.unwrap();
    }
}

async fn a_subscription_to_all_hands_out_what_there_is_and_then_what_comes(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, 0..300).await.unwrap();
    let mut subscription = client.subscribe_to_all(&client.subscribe()).await;
    let said = until(&mut subscription, is_caught_up).await;
    assert!(matches!(said.first(), Some(SubscriptionEvent::Confirmed(_))));
    assert_eq!(appeared(&said), (0..300).collect::<Vec<_>>());
    append(&client, "b", NoStream, [300]).await.unwrap();
    assert_eq!(appeared(&until(&mut subscription, is_event(300)).await), [300]);
}

async fn a_subscription_to_all_begins_after_a_position_or_at_the_end(server: Server) {
    let client = server.client();
    let first = append(&client, "a", NoStream, [1]).await.unwrap();
    append(&client, "b", NoStream, [2]).await.unwrap();
    let options = client.subscribe().position(StreamPosition::Position(first.position));
    let mut after = client.subscribe_to_all(&options).await;
    assert_eq!(appeared(&until(&mut after, is_caught_up).await), [2]);
    let options = client.subscribe().position(StreamPosition::End);
    let mut at_end = client.subscribe_to_all(&options).await;
    until(&mut at_end, is_caught_up).await;
    append(&client, "c", NoStream, [3]).await.unwrap();
    assert_eq!(appeared(&until(&mut at_end, is_event(3)).await), [3]);
}

async fn a_filter_lets_through_what_it_names(server: Server) {
    let client = server.client();
    with_other_streams(&client, 0..3).await;
    let (ours, other) = (client.name("our"), client.name("oth"));
    let by_stream = SubscriptionFilter::on_stream_name;
    for (filter, expected) in [
        (by_stream().add_prefix(&ours), vec![0, 1, 2]),
        (by_stream().add_prefix(&ours).add_prefix(other), vec![1000, 0, 1001, 1, 1002, 2]),
        (by_stream().regex(format!("^{}.*r$", client.name(""))), vec![1000, 1001, 1002]),
    ] {
        let mut subscription = client.subscribe_to_all(&client.subscribe().filter(filter)).await;
        assert_eq!(appeared(&until(&mut subscription, is_caught_up).await), expected);
    }
}

#[tokio::test]
async fn a_filter_goes_by_types_as_well() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let by_type = SubscriptionFilter::on_event_type;
    for (filter, expected) in
        [(by_type().add_prefix("happ"), vec![1, 2]), (by_type().regex("^never"), Vec::new())]
    {
        let mut subscription = client.subscribe_to_all(&client.subscribe().filter(filter)).await;
        assert_eq!(appeared(&until(&mut subscription, is_caught_up).await), expected);
    }
}

async fn a_filter_that_lets_nothing_through_says_where_it_is(server: Server) {
    let client = server.client();
    append(&client, "other", NoStream, 0..100).await.unwrap();
    let filter = SubscriptionFilter::on_stream_name().add_prefix(client.name("ours")).max(10);
    let options = client.subscribe().filter(filter);
    let mut subscription = client.subscribe_to_all(&options).await;
    let said = until(&mut subscription, is_caught_up).await;
    assert!(checkpoints(&said) >= 10, "{said:?}");
    let Some(SubscriptionEvent::Checkpoint(last)) = said.iter().rev().nth(1) else { panic!("{said:?}") };
    append(&client, "ours", NoStream, [100]).await.unwrap();
    until(&mut subscription, is_event(100)).await;
    let options = options.position(StreamPosition::Position(*last));
    let mut from_there = client.subscribe_to_all(&options).await;
    assert_eq!(appeared(&until(&mut from_there, is_caught_up).await), [100]);
}

#[tokio::test]
async fn a_subscription_that_many_events_overtake_falls_behind_and_catches_up() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    let mut subscription = client.subscribe_to_all(&SubscribeToAllOptions::default()).await;
    until(&mut subscription, is_caught_up).await;
    append(&client, "a", NoStream, 0..100).await.unwrap();
    let said = until(&mut subscription, is_caught_up).await;
    assert!(matches!(said.first(), Some(SubscriptionEvent::FellBehind(_))), "{said:?}");
    assert_eq!(appeared(&said), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_subscription_that_has_caught_up_says_where_it_stands() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    let written = append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let mut of_all = client.subscribe_to_all(&SubscribeToAllOptions::default()).await;
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let mut of_stream = client.subscribe_to_stream(client.name("a"), &options).await;
    match (until(&mut of_all, is_caught_up).await.pop(), until(&mut of_stream, is_caught_up).await.pop()) {
        (Some(SubscriptionEvent::CaughtUp(Some(all))), Some(SubscriptionEvent::CaughtUp(Some(one)))) => {
            assert_eq!((all.position, all.stream_revision), (Some(written.position), None));
            assert_eq!((one.position, one.stream_revision), (None, Some(1)));
        }
        other => panic!("{other:?}"),
    }
}

async fn a_subscription_to_a_stream_waits_for_it_to_begin(server: Server) {
    let client = server.client();
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Start);
    let mut subscription = client.subscribe_to_stream(client.name("a"), &options).await;
    until(&mut subscription, is_caught_up).await;
    with_other_streams(&client, 5..6).await;
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    assert_eq!(appeared(&until(&mut subscription, is_event(2)).await), [1, 2]);
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Position(0));
    let mut after = client.subscribe_to_stream(client.name("a"), &options).await;
    assert_eq!(appeared(&until(&mut after, is_caught_up).await), [2]);
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::End);
    let mut at_end = client.subscribe_to_stream(client.name("a"), &options).await;
    until(&mut at_end, is_caught_up).await;
    append(&client, "a", Any, [3]).await.unwrap();
    assert_eq!(appeared(&until(&mut at_end, is_event(3)).await), [3]);
}

#[tokio::test]
async fn a_subscription_that_is_cut_goes_on_where_it_was() {
    let double = Double::start().await.unwrap();
    let client = client(&double);
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let options = SubscribeToAllOptions::default().retry_options(RetryOptions::default());
    let mut subscription = client.subscribe_to_all(&options).await;
    until(&mut subscription, is_caught_up).await;
    double.cut_connections();
    let again = until(&mut subscription, is_caught_up).await;
    assert!(matches!(again.first(), Some(SubscriptionEvent::Confirmed(_))), "{again:?}");
    append(&client, "a", Any, [3]).await.unwrap();
    assert_eq!(appeared(&until(&mut subscription, is_event(3)).await), [3]);
    assert_eq!(appeared(&again), Vec::<u128>::new());
}
