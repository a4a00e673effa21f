//! Appends, one at a time and in batches: expected revisions, the same event twice, and the shapes of refusals.

use kurrentdb::StreamState::{Any, NoStream, StreamExists, StreamRevision as Exact};
use kurrentdb::{CurrentRevision, Error, EventData, StreamState};

use crate::support::{Server, all, append, event, events, on_both, stream};

on_both!(
    an_append_answers_the_last_revision_and_a_position_that_grows,
    events_come_back_as_they_were_written,
    an_append_that_expects_another_revision_is_refused_with_both,
    the_same_append_at_the_same_revision_answers_what_it_answered_first,
    an_append_that_was_kept_in_part_only_is_refused,
    an_id_counts_in_its_stream_and_not_at_the_end_of_it,
    of_many_that_expect_one_revision_one_is_kept,
    an_append_larger_than_the_largest_is_refused,
    a_batch_appends_to_many_streams,
    an_append_of_a_batch_that_expects_another_revision_is_refused,
);

fn assert_unexpected(result: Result<impl std::fmt::Debug, Error>, was: CurrentRevision, wanted: StreamState) {
    match result {
        Err(Error::WrongExpectedVersion { current, expected }) => {
            assert_eq!((current, expected), (was, wanted));
        }
        other => panic!("{other:?}"),
    }
}

async fn an_append_answers_the_last_revision_and_a_position_that_grows(server: Server) {
    let client = server.client();
    let first = append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let second = append(&client, "b", NoStream, [3]).await.unwrap();
    assert_eq!((first.next_expected_version, second.next_expected_version), (1, 0));
    assert!(first.position < second.position);
    assert_eq!(second.position.commit, second.position.prepare);
    assert_eq!(all(&client).await.unwrap(), [1, 2, 3]);
}

async fn events_come_back_as_they_were_written(server: Server) {
    let client = server.client();
    let written = EventData::json("x", &[1]).unwrap().id(uuid::Uuid::from_u128(7)).metadata("who".into());
    client.append_to_stream(client.name("a"), &Default::default(), written).await.unwrap();
    let mut read = client.read_stream(client.name("a"), &Default::default()).await.unwrap();
    let event = read.next().await.unwrap().unwrap();
    let event = event.get_original_event();
    assert_eq!((event.event_type.as_str(), event.id.as_u128(), event.is_json), ("x", 7, true));
    assert_eq!((&event.data[..], &event.custom_metadata[..]), (&b"[1]"[..], &b"who"[..]));
    assert_eq!(event.stream_id(), client.name("a"));
    assert!(event.created.timestamp() > 1_700_000_000);
}

async fn an_append_that_expects_another_revision_is_refused_with_both(server: Server) {
    let client = server.client();
    let none = CurrentRevision::NoStream;
    assert_unexpected(append(&client, "a", Exact(0), [1]).await, none, Exact(0));
    assert_unexpected(append(&client, "a", StreamExists, [1]).await, none, StreamExists);
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let at = CurrentRevision::Current(1);
    assert_unexpected(append(&client, "a", NoStream, [3]).await, at, NoStream);
    assert_unexpected(append(&client, "a", Exact(0), [3]).await, at, Exact(0));
    assert_unexpected(append(&client, "a", Exact(2), [3]).await, at, Exact(2));
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2]);
    append(&client, "a", Exact(1), [3]).await.unwrap();
    append(&client, "a", StreamExists, [4]).await.unwrap();
    append(&client, "a", Any, [5]).await.unwrap();
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2, 3, 4, 5]);
}

async fn the_same_append_at_the_same_revision_answers_what_it_answered_first(server: Server) {
    let client = server.client();
    let first = append(&client, "a", NoStream, [1, 2]).await.unwrap();
    append(&client, "a", Exact(1), [3]).await.unwrap();
    for expected in [NoStream, Any, StreamExists] {
        let again = append(&client, "a", expected, [1, 2]).await.unwrap();
        assert_eq!((again.next_expected_version, again.position), (1, first.position), "{expected}");
    }
    assert_eq!(append(&client, "a", Exact(0), [2, 3]).await.unwrap().next_expected_version, 2);
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2, 3]);
}

async fn an_append_that_was_kept_in_part_only_is_refused(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let at = CurrentRevision::Current(1);
    assert_unexpected(append(&client, "a", NoStream, [1, 3]).await, at, NoStream);
    assert_unexpected(append(&client, "a", NoStream, [1, 2, 3]).await, at, NoStream);
    assert_unexpected(append(&client, "a", Any, [2, 3]).await, at, Any);
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2]);
}

async fn an_id_counts_in_its_stream_and_not_at_the_end_of_it(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1]).await.unwrap();
    append(&client, "b", Any, [1]).await.unwrap();
    append(&client, "a", Exact(0), [1]).await.unwrap();
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 1]);
    assert_eq!(stream(&client, "b").await.unwrap(), [1]);
}

async fn of_many_that_expect_one_revision_one_is_kept(server: Server) {
    let client = server.client();
    let racers = (0..16).map(|racer| {
        let client = client.clone();
        tokio::spawn(async move { append(&client, "a", NoStream, [racer]).await.is_ok() })
    });
    let mut kept = 0;
    for racer in racers.collect::<Vec<_>>() {
        kept += usize::from(racer.await.unwrap());
    }
    assert_eq!((kept, stream(&client, "a").await.unwrap().len()), (1, 1));
}

async fn an_append_larger_than_the_largest_is_refused(server: Server) {
    let client = server.client();
    let large = EventData::binary("large", vec![0; 1024 * 1024 + 1].into());
    let refused = client.append_to_stream(client.name("a"), &Default::default(), large).await.unwrap_err();
    assert!(refused.to_string().contains("Maximum Append Size"), "{refused}");
}

async fn a_batch_appends_to_many_streams(server: Server) {
    let client = server.client();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    let first = batch.append_to_stream(client.name("a"), NoStream, events([1, 2])).await.unwrap();
    let second = batch.append_to_stream(client.name("b"), NoStream, vec![event(3)]).await.unwrap();
    assert_eq!((first.stream_name(), first.current_revision()), (client.name("a").as_str(), Some(1)));
    assert!(first.current_position() < second.current_position());
    let again = batch.append_to_stream(client.name("a"), NoStream, events([1, 2])).await.unwrap();
    assert_eq!(again.current_position(), first.current_position());
    assert_eq!(all(&client).await.unwrap(), [1, 2, 3]);
}

async fn an_append_of_a_batch_that_expects_another_revision_is_refused(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1]).await.unwrap();
    let batch = client.batch_append(&Default::default()).await.unwrap();
    match batch.append_to_stream(client.name("a"), NoStream, events([2])).await {
        Err(Error::Grpc { code, message }) => {
            assert_eq!((i32::from(code), message.as_str()), (6, "WrongExpectedVersion"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all(&client).await.unwrap(), [1]);
}
