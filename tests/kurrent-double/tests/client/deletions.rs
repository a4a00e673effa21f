//! Streams that are deleted, softly and for good, and those whose metadata hides a part of them.

use std::time::Duration;

use kurrentdb::StreamState::{Any, NoStream, StreamExists, StreamRevision as Exact};
use kurrentdb::{Error, StreamMetadata, StreamMetadataBuilder, StreamMetadataResult};

use crate::support::{Server, Streams, all, append, on_both, stream, until_empty};

on_both!(
    a_deleted_stream_is_not_found_and_goes_on_where_it_was,
    a_deleted_stream_also_goes_on_at_its_last_revision_and_at_any,
    a_stream_with_a_tombstone_is_gone_for_good,
    a_deletion_that_expects_another_revision_is_refused,
    metadata_is_what_was_set_last,
    a_stream_with_a_limit_shows_its_last_events,
);

async fn describe(client: &Streams, name: &str, metadata: StreamMetadataBuilder) {
    client.set_stream_metadata(client.name(name), &Default::default(), &metadata.build()).await.unwrap();
}

async fn metadata(client: &Streams, name: &str) -> StreamMetadata {
    match client.get_stream_metadata(client.name(name), &Default::default()).await.unwrap() {
        StreamMetadataResult::Success(metadata) => metadata.metadata().clone(),
        other => panic!("{other:?}"),
    }
}

async fn a_deleted_stream_is_not_found_and_goes_on_where_it_was(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    assert!(client.delete_stream(client.name("a"), &Default::default()).await.unwrap().is_some());
    assert!(matches!(stream(&client, "a").await, Err(Error::ResourceNotFound)));
    assert!(matches!(append(&client, "a", StreamExists, [3]).await, Err(Error::ResourceDeleted)));
    let again = append(&client, "a", NoStream, [3]).await.unwrap();
    assert_eq!(again.next_expected_version, 2);
    assert_eq!(stream(&client, "a").await.unwrap(), [3]);
    assert_eq!(metadata(&client, "a").await.truncate_before, Some(2));
    assert_eq!(all(&client).await.unwrap(), [1, 2, 3]);
}

async fn a_deleted_stream_also_goes_on_at_its_last_revision_and_at_any(server: Server) {
    let client = server.client();
    for (name, expected, id) in [("a", Exact(0), 1), ("b", Any, 3)] {
        append(&client, name, NoStream, [id]).await.unwrap();
        client.delete_stream(client.name(name), &Default::default()).await.unwrap();
        append(&client, name, expected, [id + 1]).await.unwrap();
        assert_eq!(stream(&client, name).await.unwrap(), [id + 1]);
    }
}

async fn a_stream_with_a_tombstone_is_gone_for_good(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1]).await.unwrap();
    client.tombstone_stream(client.name("a"), &Default::default()).await.unwrap();
    let read = client.read_stream(client.name("a"), &Default::default()).await;
    assert!(matches!(read, Err(Error::ResourceDeleted)), "{read:?}");
    for expected in [Any, NoStream, Exact(0)] {
        assert!(matches!(append(&client, "a", expected, [2]).await, Err(Error::ResourceDeleted)));
    }
    let again = client.tombstone_stream(client.name("a"), &Default::default()).await;
    assert!(matches!(again, Err(Error::ResourceDeleted)), "{again:?}");
    let described = client.get_stream_metadata(client.name("a"), &Default::default()).await;
    assert!(matches!(described, Err(Error::ResourceDeleted)), "{described:?}");
}

async fn a_deletion_that_expects_another_revision_is_refused(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2]).await.unwrap();
    let options = kurrentdb::DeleteStreamOptions::default().stream_state(Exact(0));
    let refused = client.delete_stream(client.name("a"), &options).await.unwrap_err();
    assert!(refused.to_string().contains("WrongExpectedVersion"), "{refused}");
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2]);
}

async fn metadata_is_what_was_set_last(server: Server) {
    let client = server.client();
    let described = client.get_stream_metadata(client.name("a"), &Default::default()).await.unwrap();
    assert!(described.is_not_found());
    describe(&client, "a", StreamMetadataBuilder::new().max_count(5)).await;
    describe(&client, "a", StreamMetadataBuilder::new().max_count(2).insert_custom_property("who", "us"))
        .await;
    let described = metadata(&client, "a").await;
    assert_eq!((described.max_count, described.custom_properties["who"].as_str()), (Some(2), Some("us")));
}

async fn a_stream_with_a_limit_shows_its_last_events(server: Server) {
    let client = server.client();
    append(&client, "a", NoStream, [1, 2, 3, 4]).await.unwrap();
    describe(&client, "a", StreamMetadataBuilder::new().max_count(2)).await;
    assert_eq!(stream(&client, "a").await.unwrap(), [3, 4]);
    describe(&client, "a", StreamMetadataBuilder::new().truncate_before(1)).await;
    assert_eq!(stream(&client, "a").await.unwrap(), [2, 3, 4]);
    describe(&client, "a", StreamMetadataBuilder::new().truncate_before(9)).await;
    assert_eq!(stream(&client, "a").await.unwrap(), Vec::<u128>::new());
    describe(&client, "a", StreamMetadataBuilder::new().max_age(Duration::from_secs(1000))).await;
    assert_eq!(stream(&client, "a").await.unwrap(), [1, 2, 3, 4]);
    // The client writes milliseconds where servers read seconds.
    describe(&client, "a", StreamMetadataBuilder::new().max_age(Duration::from_millis(1))).await;
    until_empty(&client, "a").await;
    assert_eq!(all(&client).await.unwrap(), [1, 2, 3, 4]);
}
